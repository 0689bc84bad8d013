// SPDX-License-Identifier: BSL-1.0
/// \file
/// Storm: workers do an operation over and over, while one after the other is killed, stopped or replaced.
#pragma once

#include "child.hpp"
#include "clock.hpp"
#include "environment.hpp"
#include "proc.hpp"
#include "report.hpp"
#include "shared_box.hpp"
#include "starvation.hpp"
#include "worker.hpp"
#include "world.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace kill_test {

/// Describes one operation and what must hold however many of those who do it are killed.
template <class State>
struct Storm {
  std::string name = {};
  std::function<void(State&, Worker&)> work = {};   ///< one operation; it acknowledges what it has done
  std::function<void(State&, Worker&)> leave = {};  ///< with threads: the last deed of each, e.g. to end owning a lock
  std::function<std::uint64_t(State&)> found = {};  ///< effects there: each acknowledged one, and one a kill at most
  std::function<bool(State&)> sane = {};

  int workers = 4;
  int threads = 0;    ///< in each worker; they end after some operations, and others take their places
  bool stops = true;  ///< also SIGSTOP and SIGCONT
  Expect expect = Expect::survival;
  Nanoseconds watchdog = 2 * second;
  Nanoseconds slow = 250 * millisecond;
  Nanoseconds longest_pause = 400 * microsecond;  ///< between two kills
  Nanoseconds longest_stop = 2 * millisecond;
  std::uint64_t standard_kills = 2000;
  std::uint64_t enough_faults = 1;
};

namespace detail {

struct StormPlan {
  StormBoard board;
  std::uint64_t seed;
};

template <class State>
class StormWorld {
 public:
  StormWorld(const Storm<State>& storm, Course<StormPlan>& course)
      : storm_(storm), course_(course), board_(course.plan.board), tally_(course.tally), random_(course.plan.seed) {}

  void run() {
    const int workers = storm_.workers;
    for (int i = 0; i < workers; ++i) processes_.push_back(spawn(i));
    const std::uint64_t target = kills(storm_.standard_kills);
    while (tally_.points < target && tally_.faults() == 0) {
      tally_.heartbeat = now();
      nap(between(0, storm_.longest_pause));
      starvation_.look_sometimes(processes_);
      kill_one();
      watch();
    }
    if (tally_.hangs == 0) end();
    add_up();
    course_.finished = true;
  }

 private:
  int slots_each() const { return std::max(1, storm_.threads); }

  Nanoseconds between(Nanoseconds least, Nanoseconds most) {
    return std::uniform_int_distribution<Nanoseconds>(least, most)(random_);
  }

  Child spawn(int number) {
    const std::uint64_t seed = random_();
    const int first = number * slots_each();
    for (int i = 0; i < slots_each(); ++i) {
      Diary& diary = diary_of(first + i);
      diary.waiting_since = 0;  // who was killed waiting waits no more
      diary.life = diary.doomed + 1;
    }
    return Child([this, first, seed] { storm_.threads > 0 ? live_in_threads(first, seed) : live(first, seed); });
  }

  Diary& diary_of(int slot) { return board_.diaries[static_cast<std::size_t>(slot)]; }

  Worker worker_of(int slot, std::uint64_t seed) {
    return Worker(board_, static_cast<std::size_t>(slot), diary_of(slot).life, seed);
  }

  void live(int slot, std::uint64_t seed) {
    Worker worker = worker_of(slot, seed);
    while (!worker.over()) storm_.work(*state_, worker);
  }

  // Each place is filled again as soon as its thread has ended.
  void live_in_threads(int first_slot, std::uint64_t seed) {
    std::atomic<int> endings{0};
    std::vector<std::atomic<bool>> ended(static_cast<std::size_t>(storm_.threads));
    std::vector<std::thread> threads(ended.size());
    for (int generation = 0; !board_.over; ++generation) {
      const int before = endings;
      for (std::size_t i = 0; i < threads.size(); ++i) {
        if (threads[i].joinable() && !ended[i]) continue;
        if (threads[i].joinable()) threads[i].join();
        ended[i] = false;
        const int slot = first_slot + static_cast<int>(i);
        threads[i] =
            std::thread([this, slot, i, &ended, &endings, thread_seed = seed + static_cast<unsigned>(generation)] {
              live_for_a_while(slot, thread_seed);
              ended[i] = true;
              ++endings;
              endings.notify_one();
            });
      }
      endings.wait(before);
    }
    for (std::thread& thread : threads) {
      if (thread.joinable()) thread.join();
    }
  }

  void live_for_a_while(int slot, std::uint64_t seed) {
    Worker worker = worker_of(slot, seed);
    const std::uint64_t operations = 1 + worker.random()() % 100;
    for (std::uint64_t i = 0; i < operations && !worker.over(); ++i) storm_.work(*state_, worker);
    if (storm_.leave && !worker.over()) storm_.leave(*state_, worker);
  }

  void kill_one() {
    const int number = static_cast<int>(between(0, storm_.workers - 1));
    Child& victim = processes_[static_cast<std::size_t>(number)];
    if (victim.ended()) return blame(tally_.crashes, "a worker ended by itself", number);
    const bool with_stop = storm_.stops && storm_.workers > 1 && random_() % 8 == 0;
    const int neighbour = (number + 1) % storm_.workers;
    Child& other = processes_[static_cast<std::size_t>(neighbour)];
    Nanoseconds stop_time = now();
    if (with_stop) other.signal(SIGSTOP);

    for (int i = 0; i < slots_each(); ++i) {
      Diary& diary = diary_of(number * slots_each() + i);
      diary.doomed = diary.life.load();
    }
    // Reaping comes later: a process of many threads may take long to be gone, while the others go on.
    victim.signal(SIGKILL);
    Nanoseconds killed = now();
    if (!with_stop) board_.last_kill = killed;
    ++tally_.points;

    if (with_stop) {
      nap(between(0, storm_.longest_stop));
      other.signal(SIGCONT);
      killed = now();
      board_.stopped_total += killed - stop_time;
      board_.last_kill = killed;
    }
    wait_for_progress(number, killed);
    victim.kill();
    victim = spawn(number);
  }

  // Anybody but the victim, which is not there.
  void wait_for_progress(int victim, Nanoseconds killed) {
    Nanoseconds first = 0;
    const bool came = poll_until(storm_.watchdog, [&] {
      for (int slot = 0; slot < storm_.workers * slots_each(); ++slot) {
        const Diary& diary = diary_of(slot);
        if (slot / slots_each() == victim || diary.answered_kill != killed) continue;
        if (first == 0 || diary.answered_at < first) first = diary.answered_at;
      }
      return first != 0;
    });
    if (!came) return blame(tally_.hangs, "nobody made progress after the death of", victim);
    tally_.sample(first - killed);
    if (too_long(first - killed)) blame(tally_.slow, "progress came too late after the death of", victim);
  }

  /// Looks for somebody who was forgotten while the others went on.
  void watch() {
    for (int slot = 0; slot < storm_.workers * slots_each(); ++slot) {
      Diary& diary = diary_of(slot);
      const Nanoseconds since = diary.waiting_since;
      const Nanoseconds stopped = board_.stopped_total - diary.stopped_before;
      if (since != 0 && diary.waiting_since == since &&
          now() - since - stopped - tally_.stalled_since(since) > storm_.watchdog) {
        return blame(tally_.hangs, "others went on without", slot / slots_each());
      }
      const Nanoseconds longest = diary.longest_wait;
      if (longest <= diary.judged) continue;
      if (too_long(longest)) return blame(tally_.slow, "too long a wait by", slot / slots_each());
      diary.judged = longest;
    }
  }

  /// Whether a wait that has just ended was long beyond what the machine itself took of it.
  bool too_long(Nanoseconds wait) {
    if (wait <= storm_.slow) return false;
    starvation_.look(processes_);
    const Nanoseconds begin = now() - wait - second;
    return wait - starvation_.since(begin) - tally_.stalled_since(begin) > storm_.slow;
  }

  void end() {
    board_.over = true;
    for (int i = 0; i < storm_.workers; ++i) {
      Child& process = processes_[static_cast<std::size_t>(i)];
      if (!poll_until(storm_.watchdog, [&] { return process.ended().has_value(); })) {
        return blame(tally_.hangs, "at the end, no return of", i);
      }
      if (process.failed()) return blame(tally_.crashes, "crash of", i);
    }
    processes_.clear();
    check_state();
    if (has_children()) ++tally_.leaks;
  }

  void check_state() {
    const SharedBox<std::atomic<std::uint64_t>> found(std::uint64_t{0});
    Child judge([&] {
      if (storm_.found) *found = storm_.found(*state_);
      ::_exit(!storm_.sane || storm_.sane(*state_) ? 0 : 1);
    });
    if (!poll_until(storm_.watchdog, [&] { return judge.ended().has_value(); })) {
      return blame(tally_.hangs, "the sanity check hung after", 0);
    }
    if (judge.failed()) blame(WIFEXITED(*judge.ended()) ? tally_.insane : tally_.crashes, "insane state after", 0);
    if (!storm_.found) return;
    tally_.found = found->load();
    std::uint64_t acknowledged = 0;
    for (const Diary& diary : board_.diaries) acknowledged += diary.acknowledged;
    const std::uint64_t most = acknowledged + tally_.points * static_cast<std::uint64_t>(slots_each());
    if (tally_.found < acknowledged || tally_.found > most) blame(tally_.insane, "lost or invented effects by", 0);
  }

  void add_up() {
    tally_.starved = starvation_.total() + tally_.stalled_since(0);
    for (const Diary& diary : board_.diaries) {
      tally_.acknowledged += diary.acknowledged;
      tally_.operations += diary.operations;
      tally_.recoveries += diary.recoveries;
      tally_.longest_wait = std::max<Nanoseconds>(tally_.longest_wait, diary.longest_wait);
    }
  }

  void blame(Tally::Count& count, const char* what, int worker) {
    ++count;
    tally_.note("%s: %s worker %d; kills so far %llu, seed %llu", storm_.name.c_str(), what, worker,
                static_cast<unsigned long long>(tally_.points), static_cast<unsigned long long>(course_.plan.seed));
  }

  const Storm<State>& storm_;
  Course<StormPlan>& course_;
  StormBoard& board_;
  Tally& tally_;
  std::mt19937_64 random_;
  SharedBox<State> state_;
  std::vector<Child> processes_;
  Starvation starvation_;
};

}  // namespace detail

/// Runs the storm and reports it; whether its expectation was met.
template <class State>
std::optional<bool> run(const Storm<State>& storm) {
  const SharedBox<Course<detail::StormPlan>> course;
  course->plan.seed = random_seed();
  const Nanoseconds start = now();
  run_in_worlds(*course, storm.enough_faults, 5 * storm.watchdog + 10 * second, [&](auto& shared) {
    if (storm.expect == Expect::faults) silence_errors();
    detail::StormWorld<State>(storm, shared).run();
  });
  return report(storm.name, storm.expect, course->tally, "kills", now() - start);
}

}  // namespace kill_test
