// SPDX-License-Identifier: BSL-1.0
/// \file
/// The contract of everything that can be locked, run over every kind: between threads, between processes, and with the dead.
#include <multiprocessing/synchronize.hpp>

#include "process/program.hpp"
#include "support/catch.hpp"
#include "synchronize/sleepers.hpp"

#include <multiprocessing/process.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/text.hpp>

#include <chrono>
#include <map>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

/// A Condition as it is when it is made with a plain Lock.
struct ConditionOfLock : mp::Condition {
  ConditionOfLock() : mp::Condition(mp::Lock()) {}
};

/// Runs `body` in a thread of its own and waits for it.
template <class Body>
void in_thread(Body body) {
  std::thread(body).join();
}

template <class Lock>
void add_under(const Lock& lock, const mp::RawValue<long>& total, int times) {
  for (int i = 0; i < times; ++i) {
    const std::lock_guard guard(lock);
    total.value = total.value + 1;  // two accesses: a second holder would lose one
  }
}

template <class Lock>
inline constexpr bool is_recursive = std::is_same_v<Lock, mp::RLock> || std::is_same_v<Lock, mp::Condition>;

}  // namespace

#define EVERY_KIND mp::Lock, mp::RLock, mp::Semaphore, mp::BoundedSemaphore, mp::Condition, ConditionOfLock, mp::RWLock

TEMPLATE_TEST_CASE("one thread at a time holds it", "[contract][lockable][threads]", EVERY_KIND) {
  const TestType lock;
  long total = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 2000; ++n) {
        const std::lock_guard guard(lock);
        ++total;
      }
    });
  for (auto& each : threads) each.join();
  CHECK(total == 8000);
}

TEMPLATE_TEST_CASE("one process at a time holds it", "[contract][lockable]", EVERY_KIND) {
  const TestType lock;
  const mp::RawValue<long> total(0);
  std::vector<Child> children;
  for (int i = 0; i < 3; ++i) children.emplace_back([&] { add_under(lock, total, 4000); });
  for (auto& each : children) CHECK(each.join() == 0);
  CHECK(total.value == 12000);
}

TEMPLATE_TEST_CASE("threads of several processes are alike to it", "[contract][lockable]", EVERY_KIND) {
  const TestType lock;
  const mp::RawValue<long> total(0);
  const auto two_threads = [&] {
    std::thread first([&] { add_under(lock, total, 2000); }), second([&] { add_under(lock, total, 2000); });
    first.join(), second.join();
  };
  Child other(two_threads);
  two_threads();
  CHECK(other.join() == 0);
  CHECK(total.value == 8000);
}

TEMPLATE_TEST_CASE("an acquire gives up when its time is up", "[contract][lockable][threads]", EVERY_KIND) {
  const TestType lock;
  CHECK(lock.acquire());
  in_thread([&] {
    CHECK_FALSE(lock.acquire(false));
    CHECK_FALSE(lock.acquire(0s));
    CHECK_FALSE(lock.acquire(-1s));
    const auto start = std::chrono::steady_clock::now();
    CHECK_FALSE(lock.acquire(30ms));
    CHECK(std::chrono::steady_clock::now() - start >= 30ms);
  });
  lock.release();
  in_thread([&] {
    CHECK(lock.acquire(-1s));
    lock.release();
    CHECK(lock.acquire(20s));
    lock.release();
    CHECK(lock.acquire(true));
    lock.release();
  });
}

TEMPLATE_TEST_CASE("the standard guards take it", "[contract][lockable][threads]", EVERY_KIND) {
  const TestType first, second;
  {
    const std::scoped_lock both(first, second);
    in_thread([&] {
      CHECK_FALSE(std::unique_lock(first, std::try_to_lock).owns_lock());
      CHECK_FALSE(std::unique_lock(first, 10ms).owns_lock());
      CHECK_FALSE(std::unique_lock(second, std::chrono::steady_clock::now() + 10ms).owns_lock());
      CHECK_FALSE(std::unique_lock(second, std::chrono::system_clock::now() - 1h).owns_lock());
    });
  }
  in_thread([&] {
    CHECK(std::unique_lock(first, 20s).owns_lock());
    CHECK(std::try_lock(first, second) == -1);
    first.unlock(), second.unlock();
  });
}

TEMPLATE_TEST_CASE("who takes it twice waits, unless it is recursive", "[contract][lockable]", EVERY_KIND) {
  const TestType lock;
  CHECK(lock.acquire());
  CHECK(lock.acquire(10ms) == is_recursive<TestType>);
  if (is_recursive<TestType>) lock.release();
  CHECK_FALSE(in_child([&] { return lock.acquire(false); }) == 0);
  lock.release();
  CHECK(in_child([&] { return lock.acquire(false); }) == 0);
}

TEMPLATE_TEST_CASE("a release that nobody owes is refused and changes nothing", "[contract][lockable]", mp::Lock,
                   mp::RLock, mp::BoundedSemaphore, mp::Condition, ConditionOfLock, mp::RWLock) {
  const TestType lock;
  CHECK_THROWS_AS(lock.release(), std::logic_error);
  CHECK_THROWS_WITH(lock.release(), contains("release"));
  lock.acquire();
  lock.release();
  CHECK_THROWS_AS(lock.release(), mp::Exception);
  CHECK(lock.acquire(false));
  CHECK(in_child([&] { return lock.acquire(false); }) == 1);
  lock.release();
}

TEMPLATE_TEST_CASE("copies are one, and two that were made are two", "[contract][lockable]", EVERY_KIND) {
  const TestType lock, other;
  TestType copy = lock;
  CHECK(copy == lock);
  CHECK_FALSE(copy == other);
  std::map<int, TestType> by_number{{1, lock}, {2, other}};
  std::vector<TestType> many(3, copy);
  many.back().acquire();
  in_thread([&] {
    CHECK_FALSE(by_number.at(1).acquire(false));
    CHECK(by_number.at(2).acquire(false));
    by_number.at(2).release();
  });
  copy = other;
  CHECK(copy == other);
  lock.release();
}

TEMPLATE_TEST_CASE("a Process takes it as argument, in a container, and captured", "[contract][lockable]", EVERY_KIND) {
  const auto outcome = run_program([] {
    const TestType lock;
    const mp::RawValue<long> total(0);
    mp::Process by_argument(add_under<TestType>, lock, total, 300);
    mp::Process captured([lock, total] { add_under(lock, total, 300); });
    mp::Process in_container(
        [](const std::vector<TestType>& locks, const mp::RawValue<long>& sum) { add_under(locks.at(1), sum, 300); },
        std::vector<TestType>{TestType(), lock}, total);
    for (auto* each : {&by_argument, &captured, &in_container}) each->start();
    for (auto* each : {&by_argument, &captured, &in_container}) each->join();
    mp::print(total.value);
  });
  CHECK(outcome.status == 0);
  CHECK(outcome.out == "900\n");
}

TEMPLATE_TEST_CASE("a killed holder holds nothing any more", "[contract][lockable][death]", EVERY_KIND) {
  const TestType lock;
  CHECK(in_child([&] {
          lock.acquire();
          kill_myself();
        }) == killed);
  CHECK(lock.acquire(20s));
  CHECK(in_child([&] { return lock.acquire(false); }) == 1);
  lock.release();
}

TEMPLATE_TEST_CASE("a killed holder lets all who sleep in, one after the other", "[contract][lockable][death]",
                   EVERY_KIND) {
  const TestType lock;
  const mp::RawValue<long> total(0);
  const mp::Event held;
  Child holder([&] {
    lock.acquire();
    held.set();
    for (;;) ::pause();
  });
  held.wait();
  std::vector<Child> sleepers;
  for (int i = 0; i < 3; ++i) sleepers.emplace_back([&] { add_under(lock, total, 1); });
  for (auto& each : sleepers) each.asleep();
  CHECK(holder.kill() == killed);
  for (auto& each : sleepers) CHECK(each.join() == 0);
  CHECK(total.value == 3);
}

TEMPLATE_TEST_CASE("who is killed waiting takes nothing with it", "[contract][lockable][death]", EVERY_KIND) {
  const TestType lock;
  const mp::RawValue<long> total(0);
  lock.acquire();
  std::vector<Child> sleepers;
  for (int i = 0; i < 4; ++i) {
    sleepers.emplace_back([&] { add_under(lock, total, 1); });
    sleepers.back().asleep();
  }
  CHECK(sleepers[0].kill() == killed);
  CHECK(sleepers[2].kill() == killed);
  lock.release();
  CHECK(sleepers[1].join() == 0);
  CHECK(sleepers[3].join() == 0);
  CHECK(total.value == 2);
  CHECK(lock.acquire(false));
  lock.release();
}

TEMPLATE_TEST_CASE("one whose time is up swallows no wake-up", "[contract][lockable][threads]", EVERY_KIND) {
  // The holder lets go at about the moment at which the first sleeper gives up; the second must come in all the same.
  const TestType lock;
  for (int round = 0; round < 100; ++round) {
    lock.acquire();
    const auto delay = std::chrono::microseconds(200 + 5 * round);
    std::thread impatient([&] {
      if (lock.acquire(delay)) lock.release();
    });
    std::thread patient([&] {
      CHECK(lock.acquire(20s));
      lock.release();
    });
    const auto end = std::chrono::steady_clock::now() + delay;
    while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
    lock.release();
    impatient.join(), patient.join();
  }
}

TEMPLATE_TEST_CASE("a killed holder is noticed after a sleeper gave up", "[contract][lockable][death]", EVERY_KIND) {
  const TestType lock;
  const mp::Event held;
  Child holder([&] {
    lock.acquire();
    held.set();
    for (;;) ::pause();
  });
  held.wait();
  Child first([&] { return lock.acquire(20s) ? 0 : 1; });
  first.asleep();
  CHECK(in_child([&] { return lock.acquire(20ms); }) == 1);
  Child last([&] { return lock.acquire(20s) ? 0 : 1; });
  last.asleep();
  CHECK(in_child([&] { return lock.acquire(20ms); }) == 1);
  CHECK(holder.kill() == killed);
  // Both die, so to speak, with it: by _exit, without a release.
  CHECK(first.join() == 0);
  CHECK(last.join() == 0);
}
