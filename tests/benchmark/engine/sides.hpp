// SPDX-License-Identifier: BSL-1.0
/// \file
/// Processes that measure: pinned, forked without the library under test, and never left behind.
#pragma once

#include "case.hpp"
#include "measure.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace benchmark {

/// Owns one T in memory that children forked later share.
template <class T>
class SharedBox {
 public:
  SharedBox() {
    void* memory = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap of a shared box");
    object_ = ::new (memory) T;  // not T(), which would touch all of it
  }
  SharedBox(const SharedBox&) = delete;
  SharedBox& operator=(const SharedBox&) = delete;
  ~SharedBox() {
    object_->~T();
    ::munmap(object_, sizeof(T));
  }

  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }

 private:
  T* object_;
};

/// The processors that this program may use.
inline const std::vector<int>& processors() {
  static const std::vector<int> usable = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    ::sched_getaffinity(0, sizeof set, &set);
    std::vector<int> found;
    for (int i = 0; i < CPU_SETSIZE; ++i)
      if (CPU_ISSET(i, &set)) found.push_back(i);
    return found;
  }();
  return usable;
}

/// Pins the calling thread to the first or the second processor in turn.
inline void pin(std::size_t side) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processors()[side % 2], &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0)
    throw std::system_error(errno, std::generic_category(), "sched_setaffinity");
}

/// Forks a child that runs `body` and ends by _exit, or with this process, or after a minute.
template <std::invocable Body>
pid_t fork_side(Body&& body) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == -1) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // the parent ended before the line above
  ::alarm(60);
  try {
    body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "a measured process threw: %s\n", error.what());
    ::_exit(1);
  }
  ::_exit(0);
}

/// Waits for a child; throws when it did not end well.
inline void wait_for_side(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) == -1) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "waitpid");
  }
  if (WIFSIGNALED(status))
    throw std::runtime_error("a measured process ended by signal " + std::to_string(WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0) throw std::runtime_error("a measured process failed");
}

/// Runs `read` in a process of its own, so that no reading finds what another has left, and returns what it returned.
template <class Read>
Figures read_apart(Place place, const Read& read) {
  SharedBox<Figures> figures;
  wait_for_side(fork_side([&] {
    if (place == Place::one_core) pin(0);
    *figures = read();
  }));
  return *figures;
}

/// What `once` returns in new processes, which have not used the library yet: the median of some.
template <class Once>
Figures in_new_processes(const Once& once) {
  std::vector<double> values;
  const auto end = Clock::now() + reading_time;
  do values.push_back(read_apart(Place::one_core, [&] { return Figures{once(), {}}; }).nanoseconds);
  while (Clock::now() < end);
  return {median(std::move(values)), {}};
}

/// So many processes do `operation` over and over, on two processors in turn; the time from one to the next of them
/// all.
template <std::invocable Operation>
Figures compete(std::size_t sides, Operation operation) {
  constexpr std::size_t most_sides = 16;
  struct alignas(64) Count {
    std::uint64_t operations = 0;
  };
  struct Race {
    alignas(64) std::atomic<std::size_t> ready{0};
    alignas(64) std::atomic<bool> runs{false};
    std::atomic<bool> over{false};
    std::array<Count, most_sides> counts;
  };
  const SharedBox<Race> race;
  std::vector<pid_t> children;
  for (std::size_t side = 0; side < sides; ++side)
    children.push_back(fork_side([&] {
      pin(side);
      operation();  // what only the first call does is not measured
      ++race->ready;
      while (!race->runs) std::this_thread::yield();
      std::uint64_t done = 0;
      do {
        for (int i = 0; i < 16; ++i) operation();
        done += 16;
      } while (!race->over.load(std::memory_order_relaxed));
      race->counts.at(side).operations = done;
    }));
  while (race->ready < sides) std::this_thread::sleep_for(std::chrono::microseconds(200));
  const auto begin = Clock::now();
  race->runs = true;
  // Where sides share a processor they take turns of milliseconds, of which there should be many.
  std::this_thread::sleep_for(sides > 2 ? 4 * reading_time : reading_time);
  const double time = Nanoseconds(Clock::now() - begin).count();
  race->over = true;
  for (const pid_t child : children) wait_for_side(child);

  std::uint64_t all = 0;
  std::uint64_t least = ~std::uint64_t{0};
  std::uint64_t most = 0;
  for (std::size_t side = 0; side < sides; ++side) {
    const std::uint64_t done = race->counts.at(side).operations;
    all += done;
    least = std::min(least, done);
    most = std::max(most, done);
  }
  if (all == 0) throw std::runtime_error("a competition in which nobody got a turn");
  return {time / static_cast<double>(all), static_cast<double>(least) / static_cast<double>(most)};
}

/// Nanoseconds in which a cache line goes to the other processor and back: the state of the machine.
inline Figures ping_pong() {
  struct alignas(64) Line {
    std::atomic<std::uint32_t> number{0};
  };
  constexpr std::uint32_t end = ~std::uint32_t{0};
  const SharedBox<Line> line;
  const pid_t other = fork_side([&] {
    pin(1);
    for (std::uint32_t expected = 1;; expected += 2) {
      std::uint32_t seen;
      while ((seen = line->number.load(std::memory_order_acquire)) != expected && seen != end) {
      }
      if (seen == end) return;
      line->number.store(expected + 1, std::memory_order_release);
    }
  });
  pin(0);
  std::uint32_t number = 0;
  auto trip = [&] {
    line->number.store(number + 1, std::memory_order_release);
    number += 2;
    while (line->number.load(std::memory_order_acquire) != number) {
    }
  };
  std::vector<double> samples;
  // On a machine that does other things as well each trip may take milliseconds.
  const auto last = Clock::now() + std::chrono::milliseconds(5);
  do samples.push_back(time_of(500, trip) / 500);
  while (Clock::now() < last);
  line->number.store(end, std::memory_order_release);
  wait_for_side(other);
  return {median(std::move(samples)), {}};
}

}  // namespace benchmark
