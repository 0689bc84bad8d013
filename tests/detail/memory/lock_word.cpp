// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/memory/lock_word.hpp>

#include "support/catch.hpp"
#include "support/outside.hpp"

#include <sstream>
#include <thread>
#include <vector>

using namespace multiprocessing::detail;
using namespace std::chrono_literals;
using multiprocessing::Timeout;

namespace {

/// A lock in memory that children share, and what they do with it.
struct TestLock {
  Outside<LockState> state;
  Steps steps;

  bool acquire(Timeout timeout = {}) { return lock::acquire(this_thread(), *state, timeout); }
  bool release() { return lock::release(this_thread(), *state); }
  std::uint32_t word() { return state->word.load(); }

  /// A child that takes the lock and waits to be killed.
  pid_t holder(int step) {
    const pid_t child = start_child([this, step] {
      acquire();
      steps.reach(step);
      for (;;) ::pause();
    });
    REQUIRE(steps.await(step));
    return child;
  }
  /// A child that waits for the lock, and returns whether it got it within `timeout`; asleep when this returns.
  pid_t sleeper(Timeout timeout = 20s) {
    return sleeper_that([this, timeout] {
      const bool taken = acquire(timeout);
      if (taken) release();
      return taken;
    });
  }
  /// A child that waits for the lock, and then lives on, with it or without, until it is killed; asleep when this
  /// returns.
  pid_t sleeper_that_lives_on(int step, bool keeps) {
    return sleeper_that([this, step, keeps] {
      acquire();
      if (!keeps) release();
      steps.reach(step);
      for (;;) ::pause();
    });
  }
  template <class Body>
  pid_t sleeper_that(Body body) {
    *name = 0;
    const pid_t child = start_child([this, body] {
      *name = this_thread().owner.bits();
      return body();
    });
    REQUIRE(wait_until([&] { return *name != 0; }));
    const ThreadSlot& slot = the_arena().thread(OwnerRef(*name).slot());
    REQUIRE(
        wait_until([&] { return slot.intent == static_cast<std::uint32_t>(Intent::wait) || state_of(child) == 'Z'; }));
    REQUIRE(wait_until([&] { return state_of(child) == 'S' || state_of(child) == 'Z'; }));
    return child;
  }
  /// A child that does what a sleeper does until it is woken, and then nothing any more; it reaches `step` when woken.
  pid_t sleeper_that_gets_no_further(int step) {
    *name = 0;
    const pid_t child = start_child([this, step] {
      const ThreadIdentity& self = this_thread();
      const PendingGuard pending(self, state->word);
      const std::uint32_t seen = state->word.fetch_or(word_waiters) | word_waiters;
      state->last_sleeper = self.owner.bits();
      *name = self.owner.bits();
      sleep_on(self.arena, state->word, seen, std::array{OwnerRef(seen)}, Deadline{Timeout(20s)});
      steps.reach(step);
      for (;;) ::pause();
    });
    REQUIRE(wait_until([&] { return *name != 0; }));
    falls_asleep(child);
    return child;
  }

  Outside<std::atomic<std::uint32_t>> name;  // of the last sleeper: OwnerRef
};

}  // namespace

TEST_CASE("lock: a word goes from free to its holder and back", "[detail][lock_word]") {
  TestLock lock;
  CHECK(lock.word() == 0);
  CHECK(lock.acquire());
  CHECK(lock.word() == this_thread().owner.bits());
  CHECK(lock.release());
  CHECK(lock.word() == 0);
}

TEST_CASE("lock: a release that nobody is owed changes nothing and says so", "[detail][lock_word]") {
  TestLock lock;
  CHECK_FALSE(lock.release());
  CHECK(lock.word() == 0);
  lock.state->word = word_waiters;
  CHECK_FALSE(lock.release());
  CHECK(lock.word() == word_waiters);
}

TEST_CASE("lock: who takes a word on which some may sleep keeps the mark", "[detail][lock_word]") {
  TestLock lock;
  lock.state->word = word_waiters;
  CHECK(lock.acquire());
  CHECK(lock.word() == (this_thread().owner.bits() | word_waiters));
  CHECK(lock.release());
}

TEST_CASE("lock: a failed try leaves no mark", "[detail][lock_word]") {
  TestLock lock;
  lock.acquire();
  CHECK_FALSE(lock.acquire(false));
  CHECK_FALSE(lock.acquire(0s));
  CHECK(lock.word() == this_thread().owner.bits());
  CHECK(lock.state->last_sleeper == 0);
}

TEST_CASE("lock: the mark goes away when nobody sleeps any more", "[detail][lock_word]") {
  TestLock lock;
  lock.acquire();
  CHECK_FALSE(lock.acquire(1ms));
  CHECK((lock.word() & word_waiters) != 0);
  for (int i = 0; i < 3; ++i) {
    lock.release();
    lock.acquire();
  }
  CHECK(lock.word() == this_thread().owner.bits());
  lock.release();
}

TEST_CASE("lock: the mark does not go away while somebody sleeps", "[detail][lock_word]") {
  TestLock lock;
  const std::uint64_t saved = the_arena().header().saved_by_tick;
  lock.acquire();
  const pid_t first = lock.sleeper_that_lives_on(1, false), second = lock.sleeper();
  lock.state->idle_wakes = 1;  // as if the last wake-up had found nobody
  lock.release();
  CHECK(exit_status(second) == 0);
  kill_child(first);
  CHECK(the_arena().header().saved_by_tick == saved);
}

TEST_CASE("lock: another thread may release it, and the sleeper gets it", "[detail][lock_word]") {
  TestLock lock;
  lock.acquire();
  const pid_t sleeper = lock.sleeper();
  std::thread([&] { CHECK(lock.release()); }).join();
  CHECK(exit_status(sleeper) == 0);
}

TEST_CASE("lock: of a dead holder is taken over at once, and marked as such until it is released",
          "[detail][lock_word]") {
  TestLock lock;
  kill_child(lock.holder(1));
  const std::uint64_t before = the_arena().header().lock_deaths;
  CHECK_FALSE(lock::locked(the_arena(), *lock.state));
  CHECK(lock.acquire(false));
  CHECK(lock::owner_died(*lock.state));
  CHECK(the_arena().header().lock_deaths == before + 1);
  CHECK((lock.word() & word_waiters) != 0);  // the dead may just have been clearing it
  CHECK(lock.release());
  CHECK_FALSE(lock::owner_died(*lock.state));
}

TEST_CASE("lock: the holder's death wakes a sleeper, and that one the next", "[detail][lock_word]") {
  TestLock lock;
  const std::uint64_t saved = the_arena().header().saved_by_tick;
  const pid_t holder = lock.holder(1);
  const pid_t first = lock.sleeper(), second = lock.sleeper(), third = lock.sleeper();
  kill_child(holder);
  CHECK(exit_status(first) == 0);
  CHECK(exit_status(second) == 0);
  CHECK(exit_status(third) == 0);
  CHECK(the_arena().header().saved_by_tick == saved);
}

TEST_CASE("lock: a sleeper whose time is up hands its watch over the holder on", "[detail][lock_word]") {
  // The last to sleep, `watcher`, is the only one that saw `barger` take the lock. It leaves, then `barger` dies: were
  // `sleeper` not woken when the watcher left, it would learn of the death by the tick only.
  TestLock lock;
  const std::uint64_t saved = the_arena().header().saved_by_tick;
  lock.acquire();
  const pid_t sleeper = lock.sleeper();
  // The lock changes hands without a wake-up: so a new holder looks to one who has just barged in.
  const pid_t barger = start_child([&] {
    lock.state->word = this_thread().owner.bits() | word_waiters;
    lock.steps.reach(2);
    for (;;) ::pause();
  });
  REQUIRE(lock.steps.await(2));
  const pid_t watcher = lock.sleeper(5ms);
  CHECK(exit_status(watcher) == 1);
  falls_asleep(sleeper);
  kill_child(barger);
  CHECK(exit_status(sleeper) == 0);
  CHECK(the_arena().header().saved_by_tick == saved);
}

TEST_CASE("lock: who takes it over from the dead lets another sleeper watch him", "[detail][lock_word]") {
  // The sleeper saw only the first holder. It is woken by neither death, unless the first heir sees to it.
  TestLock lock;
  const std::uint64_t saved = the_arena().header().saved_by_tick;
  lock.acquire();
  const pid_t sleeper = lock.sleeper();
  const pid_t barger = start_child([&] {
    lock.state->word = this_thread().owner.bits() | word_waiters;
    lock.steps.reach(2);
    for (;;) ::pause();
  });
  REQUIRE(lock.steps.await(2));
  kill_child(barger);
  const pid_t heir = lock.holder(3);
  falls_asleep(sleeper);
  kill_child(heir);
  CHECK(exit_status(sleeper) == 0);
  CHECK(the_arena().header().saved_by_tick == saved);
}

TEST_CASE("lock: a sleeper that gets the lock and dies with it is noticed by who slept behind it",
          "[detail][lock_word]") {
  TestLock lock;
  const std::uint64_t saved = the_arena().header().saved_by_tick;
  lock.acquire();
  const pid_t first = lock.sleeper_that_lives_on(1, true), second = lock.sleeper();
  lock.release();
  REQUIRE(lock.steps.await(1));
  kill_child(first);
  CHECK(exit_status(second) == 0);
  CHECK(the_arena().header().saved_by_tick == saved);
}

TEST_CASE("lock: a wake-up meant for a sleeper that is killed goes to the next", "[detail][lock_word]") {
  TestLock lock;
  const std::uint64_t saved = the_arena().header().saved_by_tick;
  lock.acquire();
  const pid_t first = lock.sleeper_that_gets_no_further(1);
  lock.state->last_sleeper = 0;  // so that the second does not watch the first: the kernel alone can help
  const pid_t second = lock.sleeper();
  lock.release();
  REQUIRE(lock.steps.await(1));
  kill_child(first);
  CHECK(exit_status(second) == 0);
  CHECK(the_arena().header().saved_by_tick == saved);
}

TEST_CASE("lock: a releaser that is killed before its wake-up has the kernel wake for it", "[detail][lock_word]") {
  TestLock lock;
  const std::uint64_t saved = the_arena().header().saved_by_tick;
  lock.acquire();
  const pid_t sleeper = lock.sleeper();  // watches this process, and not the one that releases for it
  const pid_t releaser = start_child([&] {
    const PendingGuard pending(this_thread(), lock.state->word);
    lock.state->word = word_waiters;  // freed; and now it is killed
    lock.steps.reach(1);
    for (;;) ::pause();
  });
  REQUIRE(lock.steps.await(1));
  kill_child(releaser);
  CHECK(exit_status(sleeper) == 0);
  CHECK(the_arena().header().saved_by_tick == saved);
}

TEST_CASE("lock: a sleeper woken by the holder's death that is killed itself leaves the next awake",
          "[detail][lock_word]") {
  TestLock lock;
  const std::uint64_t saved = the_arena().header().saved_by_tick;
  const pid_t holder = lock.holder(1);
  const pid_t first = lock.sleeper_that_gets_no_further(2);
  const pid_t second = lock.sleeper();
  kill_child(holder);
  REQUIRE(lock.steps.await(2));
  kill_child(first);
  CHECK(exit_status(second) == 0);
  CHECK(the_arena().header().saved_by_tick == saved);
}

TEST_CASE("lock: the death of one who holds several wakes the sleepers of each", "[detail][lock_word]") {
  const bool thread_ends = GENERATE(false, true);
  CAPTURE(thread_ends);
  TestLock first, second, third;
  const std::uint64_t saved = the_arena().header().saved_by_tick;
  std::atomic<bool> end{false};
  const auto take_all = [&] {
    first.acquire(), second.acquire(), third.acquire();
    first.steps.reach(1);
  };
  pid_t child = 0;
  std::thread thread;
  if (thread_ends) {
    thread = std::thread([&] {
      take_all();
      wait_until([&] { return end.load(); });
    });
  } else {
    child = start_child([&] {
      take_all();
      for (;;) ::pause();
    });
  }
  REQUIRE(first.steps.await(1));
  const pid_t one = first.sleeper(), two = second.sleeper(), three = third.sleeper();
  end = true;
  if (thread_ends) thread.join();
  if (!thread_ends) kill_child(child);
  CHECK(exit_status(one) == 0);
  CHECK(exit_status(two) == 0);
  CHECK(exit_status(three) == 0);
  CHECK(the_arena().header().saved_by_tick == saved);
}

TEST_CASE("lock: a thread that ends holding it counts as dead", "[detail][lock_word]") {
  TestLock lock;
  std::thread([&] { lock.acquire(); }).join();
  CHECK(lock.acquire(false));
  CHECK(lock::owner_died(*lock.state));
  CHECK(lock.release());
}

TEST_CASE("lock: a thread that ends holding it wakes all who sleep for it, in turn", "[detail][lock_word]") {
  TestLock lock;
  const std::uint64_t saved = the_arena().header().saved_by_tick;
  std::atomic<bool> end{false};
  std::thread holder([&] {
    lock.acquire();
    lock.steps.reach(1);
    wait_until([&] { return end.load(); });
  });
  REQUIRE(lock.steps.await(1));
  const pid_t first = lock.sleeper(), second = lock.sleeper();
  end = true;
  holder.join();
  CHECK(exit_status(first) == 0);
  CHECK(exit_status(second) == 0);
  CHECK(the_arena().header().saved_by_tick == saved);
}

TEST_CASE("lock: a wait never ends before its time, nor takes the lock", "[detail][lock_word]") {
  TestLock lock;
  lock.acquire();
  const auto start = std::chrono::steady_clock::now();
  CHECK_FALSE(lock.acquire(30ms));
  CHECK(std::chrono::steady_clock::now() - start >= 30ms);
  CHECK(OwnerRef(lock.word()) == this_thread().owner);
}

TEST_CASE("lock: the intent and the pending word of a waiter are gone when it has stopped waiting",
          "[detail][lock_word]") {
  TestLock lock;
  lock.acquire();
  CHECK_FALSE(lock.acquire(2ms));
  CHECK(this_thread().slot->intent == 0);
  CHECK(this_thread().robust_list.named() == nullptr);
}

TEST_CASE("lock: where the kernel waits on one word only, a death is found by looking", "[detail][lock_word]") {
  TestLock lock;
  const pid_t holder = lock.holder(1);
  const pid_t waiter = start_child([&] {
    refuse_system_call(os::sys_futex_waitv, ENOSYS);
    lock.steps.reach(2);
    return lock.acquire(20s);
  });
  REQUIRE(lock.steps.await(2));
  REQUIRE(wait_until([&] { return (lock.word() & word_waiters) != 0; }));
  kill_child(holder);
  CHECK(exit_status(waiter) == 0);
}

TEST_CASE("lock: many threads keep a plain number whole", "[detail][lock_word]") {
  TestLock lock;
  int count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        if (i % 7 == 0) {
          while (!lock.acquire(1ms)) {
          }
        } else {
          lock.acquire();
        }
        ++count;
        lock.release();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(count == 20000);
  CHECK(lock::locked(the_arena(), *lock.state) == false);
}

TEST_CASE("lock: its text names the holder", "[detail][lock_word]") {
  TestLock lock;
  const auto text = [&] {
    std::ostringstream out;
    lock::describe(out, the_arena(), *lock.state);
    return out.str();
  };
  CHECK(text() == "None");
  lock.acquire();
  const std::string id = std::to_string(::getpid());
  CHECK(text() == "process " + id + " thread " + id);
  lock.release();
}
