// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/synchronize/rlock.hpp>

#include "support/catch.hpp"
#include "support/outside.hpp"

#include <sys/time.h>

#include <csignal>
#include <mutex>
#include <sstream>
#include <thread>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

const mp::RLock global_lock;

void take_global_lock(int) {
  if (!global_lock.acquire(false)) return;
  global_lock.acquire();
  global_lock.release();
  global_lock.release();
}

std::string text_of(const mp::RLock& lock) {
  std::ostringstream out;
  out << lock;
  return out.str();
}
bool taken_in_thread(const mp::RLock& lock, mp::Timeout timeout = false) {
  bool taken = false;
  std::thread([&] {
    taken = lock.acquire(timeout);
    if (taken) lock.release();
  }).join();
  return taken;
}

}  // namespace

// Python's own tests, by meaning.

TEST_CASE("RLock: test_rlock: is taken as often as one likes, and released as often; once more is an AssertionError",
          "[synchronize][rlock]") {
  const mp::RLock lock;
  for (int i = 0; i < 3; ++i) CHECK(lock.acquire());
  for (int i = 0; i < 3; ++i) CHECK_NOTHROW(lock.release());
  CHECK_THROWS_AS(lock.release(), mp::AssertionError);
  CHECK_THROWS_WITH(lock.release(), contains("attempt to release recursive lock not owned by thread"));
}

TEST_CASE("RLock: test_rlock_locked_2processes: is seen locked by a child, until the last release",
          "[synchronize][rlock]") {
  const mp::RLock lock;
  CHECK_FALSE(lock.locked());
  lock.acquire();
  lock.acquire();
  CHECK(in_child([&] { return lock.locked(); }) == 0);
  lock.release();
  CHECK(in_child([&] { return lock.locked(); }) == 0);
  lock.release();
  CHECK(in_child([&] { return !lock.locked(); }) == 0);
}

TEST_CASE("RLock: test_lock_context: guards nest", "[synchronize][rlock]") {
  const mp::RLock lock;
  {
    const std::scoped_lock outer(lock);
    const std::scoped_lock inner(lock);
    CHECK_FALSE(taken_in_thread(lock));
  }
  CHECK(taken_in_thread(lock));
}

TEST_CASE("RLock: nobody but its holder may release it: no thread, no child, no parent", "[synchronize][rlock]") {
  const mp::RLock lock;
  lock.acquire();
  std::thread([&] { CHECK_THROWS_AS(lock.release(), mp::AssertionError); }).join();
  CHECK(in_child([&] { demand_throws<mp::AssertionError>([&] { lock.release(); }, "not owned by thread"); }) == 0);
  CHECK(lock.locked());
  lock.release();
  Steps steps;
  const pid_t child = start_child([&] {
    lock.acquire();
    steps.reach(1);
    steps.await(2);
    lock.release();
  });
  REQUIRE(steps.await(1));
  CHECK_THROWS_AS(lock.release(), mp::AssertionError);
  CHECK(lock.locked());
  steps.reach(2);
  CHECK(exit_status(child) == 0);
}

TEST_CASE("RLock: timeouts are Python's, and its holder never waits", "[synchronize][rlock]") {
  const mp::RLock lock;
  for (const mp::Timeout timeout :
       {mp::Timeout(), mp::Timeout(true), mp::Timeout(1h), mp::Timeout(0s), mp::Timeout(-1s), mp::Timeout(false)})
    CHECK(lock.acquire(timeout));
  std::thread([&] {
    CHECK_FALSE(lock.acquire(false));
    CHECK_FALSE(lock.acquire(0s));
    CHECK_FALSE(lock.acquire(-1s));
    const auto start = std::chrono::steady_clock::now();
    CHECK_FALSE(lock.acquire(20ms));
    CHECK(std::chrono::steady_clock::now() - start >= 20ms);
  }).join();
  for (int i = 0; i < 6; ++i) lock.release();
  CHECK_FALSE(lock.locked());
}

TEST_CASE("RLock: held across a fork it is the parent's alone; the child has to wait, and may not release",
          "[synchronize][rlock]") {
  const mp::RLock lock;
  lock.acquire();
  lock.acquire();
  Steps steps;
  const pid_t child = start_child([&] {
    demand(!lock.acquire(false), "it is not the child's");
    demand_throws<mp::AssertionError>([&] { lock.release(); }, "not owned");
    steps.reach(1);
    demand(lock.acquire(20s), "later it can be had");
    lock.release();
    demand_throws<mp::AssertionError>([&] { lock.release(); }, "not owned");
  });
  REQUIRE(steps.await(1));
  lock.release();
  CHECK(lock.locked());
  lock.release();
  CHECK(exit_status(child) == 0);
}

TEST_CASE("RLock: a holder killed at any depth leaves depth one to the next, who is told", "[synchronize][rlock]") {
  const int depth = GENERATE(1, 2, 5);
  CAPTURE(depth);
  const mp::RLock lock;
  Steps steps;
  const pid_t child = start_child([&] {
    for (int i = 0; i < depth; ++i) lock.acquire();
    steps.reach(1);
    for (;;) ::pause();
  });
  REQUIRE(steps.await(1));
  Steps woken;
  const pid_t waiter = start_child([&] {
    woken.reach(1);
    lock.acquire();
    demand(lock.owner_died(), "it is told");
    lock.acquire();
    lock.release();
    demand(lock.owner_died(), "until it is free again");
    lock.release();
    demand(!lock.owner_died() && !lock.locked(), "one release frees it");
  });
  REQUIRE(woken.await(1));
  REQUIRE(falls_asleep(waiter));
  kill_child(child);
  CHECK(exit_status(waiter) == 0);
}

TEST_CASE("RLock: a thread that ends as its holder, at any depth, counts as dead", "[synchronize][rlock]") {
  const mp::RLock lock;
  std::thread([&] { lock.acquire(), lock.acquire(); }).join();
  CHECK_FALSE(lock.locked());
  CHECK(lock.acquire(false));
  CHECK(lock.owner_died());
  lock.release();
  CHECK_THROWS_AS(lock.release(), mp::AssertionError);
}

TEST_CASE("RLock: a thread that lives in the dead holder's slot is not its holder", "[synchronize][rlock]") {
  const mp::RLock lock;
  std::thread([&] { lock.acquire(); }).join();
  for (int i = 0; i < 100; ++i) std::thread([&] { CHECK_THROWS_AS(lock.release(), mp::AssertionError); }).join();
}

TEST_CASE("RLock: children of every kind are owners of their own", "[synchronize][rlock]") {
  const mp::RLock lock;
  lock.acquire();
  const auto body = [&] { demand(!lock.acquire(false), "the parent holds it"); };
  CHECK(in_child(body) == 0);
  CHECK(exit_status(start_by_underscore_fork(body)) == 0);
  CHECK(exit_status(start_by_clone(body)) == 0);
  CHECK(exit_status(start_by_clone([&] { demand_throws<mp::AssertionError>([&] { lock.release(); }, "not owned"); })) ==
        0);
  lock.release();
}

TEST_CASE("RLock: is Lockable and timed", "[synchronize][rlock]") {
  const mp::RLock first, second;
  const std::scoped_lock both(first, second);
  CHECK(first.try_lock());
  CHECK(first.try_lock_for(1ms));
  CHECK(first.try_lock_until(std::chrono::steady_clock::now()));
  CHECK(first.try_lock_until(std::chrono::system_clock::time_point::min()));
  for (int i = 0; i < 4; ++i) first.unlock();
  std::unique_lock<const mp::RLock> guard(first, std::defer_lock);
  CHECK(guard.try_lock_for(1h));
}

TEST_CASE("RLock: copies are one lock, and its holder holds it by any of them", "[synchronize][rlock]") {
  mp::RLock lock;
  const mp::RLock copy = lock;
  lock.acquire();
  copy.acquire();
  copy.release();
  lock.release();
  CHECK_FALSE(copy.locked());
  mp::RLock other;
  CHECK_FALSE(other == lock);
  other = std::move(lock);
  CHECK(other == copy);
  CHECK(lock == copy);
  CHECK(global_lock.acquire());
  global_lock.release();
}

TEST_CASE("RLock: its text tells the holder and the depth", "[synchronize][rlock]") {
  const mp::RLock lock;
  CHECK(text_of(lock) == "<RLock(None, 0)>");
  lock.acquire();
  lock.acquire();
  CHECK_THAT(text_of(lock), contains("<RLock(") && contains(std::to_string(::getpid())) && contains(", 2)>"));
  lock.release();
  lock.release();
  REQUIRE(in_child([&] { lock.acquire(), lock.acquire(); }) == 0);
  CHECK(text_of(lock) == "<RLock(None, 0)>");
}

TEST_CASE("RLock: threads of one process exclude each other, at any depth", "[synchronize][rlock]") {
  const mp::RLock lock;
  int count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        const std::scoped_lock outer(lock);
        const std::scoped_lock inner(lock);
        ++count;
        [[maybe_unused]] const std::string text = text_of(lock);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(count == 8000);
}

TEST_CASE("RLock: a signal handler may take it and give it back at any instruction of its thread", "[synchronize][rlock]") {
  const auto work = [] {
    std::signal(SIGPROF, take_global_lock);
    const itimerval often{{0, 50}, {0, 50}};
    ::setitimer(ITIMER_PROF, &often, nullptr);
    long counted = 0;
    for (int i = 0; i < 2'000'000; ++i) {
      global_lock.acquire();
      ++counted;
      global_lock.release();
    }
    return counted == 2'000'000;
  };
  CHECK(in_child(work) == 0);
}
