// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/child.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace detail = multiprocessing::detail;
using detail::Child;
using detail::Deadline;
using namespace std::chrono_literals;

namespace {

std::atomic<int> collected = 0;
void count(Child&) { ++collected; }

[[noreturn]] void sleep_for_ever() {
  for (;;) ::pause();
}

/// With a pidfd and without, as on kernels that have none.
detail::Fd pidfd_of(pid_t pid, bool wanted) { return wanted ? detail::open_pidfd(pid) : detail::Fd(); }

}  // namespace

TEST_CASE("Child: exit codes and signals are told apart, with and without a pidfd", "[os][child]") {
  const bool with_pidfd = GENERATE(true, false);
  CAPTURE(with_pidfd);
  const pid_t exits = start_child([] { return 3; });
  Child first(exits, pidfd_of(exits, with_pidfd));
  CHECK(first.wait(Deadline(std::nullopt)));
  CHECK(first.poll() == 3);

  const pid_t sleeps = start_child(sleep_for_ever);
  Child second(sleeps, pidfd_of(sleeps, with_pidfd));
  CHECK((second.sentinel() != -1) == with_pidfd);
  CHECK(second.poll() == std::nullopt);
  CHECK_FALSE(second.wait(Deadline(20ms)));
  CHECK_FALSE(second.wait(Deadline(false)));
  second.send(SIGKILL);
  CHECK(second.wait(Deadline(1h)));
  CHECK(second.poll() == -SIGKILL);
  second.send(SIGKILL);
}

TEST_CASE("Child: however many wait, the status is collected once", "[os][child]") {
  const bool with_pidfd = GENERATE(true, false);
  for (int round = 0; round < 20; ++round) {
    collected = 0;
    const pid_t pid = start_child([] { return 7; });
    Child child(pid, pidfd_of(pid, with_pidfd), &count);
    std::atomic<int> right = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&, i] {
        if (i % 2 == 0) child.wait(Deadline(std::nullopt));
        else child.wait(Deadline(1h));
        right += child.poll() == 7;
      });
    for (auto& thread : threads) thread.join();
    CHECK(right == 4);
    CHECK(collected == 1);
  }
}

TEST_CASE("Child: a status that somebody else took is 255, and a wait ends", "[os][child]") {
  const bool with_pidfd = GENERATE(true, false);
  const pid_t pid = start_child([] { return 7; });
  Child child(pid, pidfd_of(pid, with_pidfd));
  exit_status(pid);
  CHECK(child.wait(Deadline(std::nullopt)));
  CHECK(child.poll() == detail::unknown_exit_code);
}

TEST_CASE("Child: what a fork inherited is given up without touching the child", "[os][child]") {
  const pid_t pid = start_child(sleep_for_ever);
  Child child(pid, detail::open_pidfd(pid));
  std::vector<int> unused;
  const int fd = child.sentinel();
  child.abandon(unused);
  CHECK(unused == std::vector{fd});
  CHECK(child.sentinel() == -1);
  detail::close_all(unused);
  child.send(SIGKILL);
  CHECK(exit_status(pid) == 128 + SIGKILL);
}

TEST_CASE("any_child_ended: it sees what is dead, and nothing that runs", "[os][child]") {
  CHECK(detail::any_child_ended());  // none is left: a Child may have lost its status
  const pid_t pid = start_child(sleep_for_ever);
  CHECK_FALSE(detail::any_child_ended());
  ::kill(pid, SIGKILL);
  CHECK(wait_until([] { return detail::any_child_ended(); }));
  exit_status(pid);
}

TEST_CASE("Child: a pidfd that the program closed and whose number it uses leaves the child as it was", "[os][child]") {
  const pid_t pid = start_child(sleep_for_ever);
  const pid_t other = start_child(sleep_for_ever);
  Child child(pid, detail::open_pidfd(pid));
  const int number = child.sentinel();
  REQUIRE(number != -1);
  const bool pidfd_of_another = GENERATE(true, false);
  {
    const detail::Fd user(pidfd_of_another ? detail::open_pidfd(other).release() : ::dup(STDERR_FILENO));
    REQUIRE(::dup2(user.get(), number) == number);
  }
  CHECK(child.sentinel() == -1);
  CHECK(child.poll() == std::nullopt);
  CHECK_FALSE(child.wait(Deadline(20ms)));
  child.send(SIGKILL);
  CHECK(child.wait(Deadline(std::nullopt)));
  CHECK(child.poll() == -SIGKILL);
  CHECK(::waitpid(other, nullptr, WNOHANG) == 0);
  ::kill(other, SIGKILL);
  CHECK(exit_status(other) == 128 + SIGKILL);
  ::close(number);
}
