// SPDX-License-Identifier: BSL-1.0
/// \file
/// RWLock: readers together, writers alone, and none of them hung up by the dead.
#include <multiprocessing/synchronize/rwlock.hpp>

#include "support/catch.hpp"
#include "synchronize/sleepers.hpp"

#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize/event.hpp>
#include <multiprocessing/synchronize/semaphore.hpp>

#include <atomic>
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

bool can_read(const mp::RWLock& lock) {
  return in_child([&] { return lock.acquire_shared(false); }) == 0;
}
bool can_write(const mp::RWLock& lock) {
  return in_child([&] { return lock.acquire(false); }) == 0;
}

/// A child that reads until it is killed.
Child reader(const mp::RWLock& lock) {
  const mp::Semaphore reads(0);
  Child child([&] {
    lock.acquire_shared();
    reads.release();
    for (;;) ::pause();
  });
  REQUIRE(reads.acquire(20s));
  return child;
}

}  // namespace

TEST_CASE("many read, or one writes", "[synchronize][rwlock]") {
  const mp::RWLock lock;
  CHECK(lock.acquire_shared());
  CHECK(can_read(lock));
  CHECK_FALSE(can_write(lock));
  CHECK_FALSE(lock.acquire(0s));
  lock.release_shared();
  CHECK(can_write(lock));
  CHECK(lock.acquire());
  CHECK_FALSE(can_read(lock));
  CHECK_FALSE(can_write(lock));
  lock.release();
  CHECK(can_read(lock));
}

TEST_CASE("the standard guards take an RWLock", "[synchronize][rwlock][threads]") {
  const mp::RWLock lock;
  {
    const std::shared_lock first(lock);
    std::thread([&] {
      CHECK(std::shared_lock(lock, 20s).owns_lock());
      CHECK_FALSE(std::unique_lock(lock, 10ms).owns_lock());
      CHECK_FALSE(std::unique_lock(lock, std::chrono::steady_clock::now()).owns_lock());
    }).join();
  }
  const std::unique_lock writes(lock);
  std::thread([&] {
    CHECK_FALSE(std::shared_lock(lock, std::try_to_lock).owns_lock());
    CHECK_FALSE(std::shared_lock(lock, 10ms).owns_lock());
    CHECK_FALSE(std::shared_lock(lock, std::chrono::steady_clock::now() + 10ms).owns_lock());
  }).join();
}

TEST_CASE("readers see what writers wrote, whole", "[synchronize][rwlock][threads]") {
  const mp::RWLock lock;
  long first = 0, second = 0;
  std::atomic<int> torn{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 500; ++n) {
        const std::scoped_lock guard(lock);
        ++first, ++second;
      }
    });
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 500; ++n) {
        const std::shared_lock guard(lock);
        torn += first == second ? 0 : 1;
      }
    });
  for (auto& each : threads) each.join();
  CHECK(torn == 0);
  CHECK(first == 1000);
}

TEST_CASE("processes read and write by turns", "[synchronize][rwlock]") {
  const mp::RWLock lock;
  const mp::RawArray<long> pair(2);
  std::vector<Child> children;
  for (int i = 0; i < 2; ++i)
    children.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) {
        const std::scoped_lock guard(lock);
        pair[0] = pair[0] + 1;
        pair[1] = pair[1] + 1;
      }
    });
  for (int i = 0; i < 2; ++i)
    children.emplace_back([&] {
      int torn = 0;
      for (int n = 0; n < 1000; ++n) {
        const std::shared_lock guard(lock);
        torn += pair[0] == pair[1] ? 0 : 1;
      }
      return torn;
    });
  for (auto& each : children) CHECK(each.join() == 0);
  CHECK(pair[0] == 2000);
}

TEST_CASE("a writer that waits keeps later readers out, but nobody who reads already", "[synchronize][rwlock]") {
  const mp::RWLock lock;
  lock.acquire_shared();
  Child writer([&] { lock.acquire(); });
  writer.asleep();
  CHECK_FALSE(can_read(lock));
  CHECK(lock.acquire_shared(false));  // recursive
  lock.release_shared();
  lock.release_shared();
  CHECK(writer.join() == 0);
  CHECK(can_read(lock));
}

TEST_CASE("a writer that has given up keeps nobody out", "[synchronize][rwlock]") {
  const mp::RWLock lock;
  lock.acquire_shared();
  Child impatient([&] { return lock.acquire(300ms); });
  impatient.asleep();
  Child late([&] { lock.acquire_shared(); });
  CHECK(impatient.join() == 1);
  CHECK(late.join() == 0);  // though the first reader still reads
  CHECK(can_read(lock));
  lock.release_shared();
}

TEST_CASE("a release that nobody owes is refused by an RWLock", "[synchronize][rwlock]") {
  const mp::RWLock lock;
  CHECK_THROWS_AS(lock.release(), mp::AssertionError);
  CHECK_THROWS_AS(lock.release_shared(), mp::AssertionError);
  lock.acquire_shared();
  CHECK_THROWS_WITH(lock.release(), contains("does not hold it for writing"));
  std::thread([&] { CHECK_THROWS_WITH(lock.release_shared(), contains("does not hold it for reading")); }).join();
  lock.release_shared();
  lock.acquire();
  CHECK_THROWS_AS(lock.release_shared(), mp::AssertionError);
  std::thread([&] { CHECK_THROWS_AS(lock.release(), mp::AssertionError); }).join();
  lock.release();
}

TEST_CASE("the text of an RWLock says who is in", "[synchronize][rwlock]") {
  const mp::RWLock lock;
  CHECK(text_of(lock) == "<RWLock(readers=0)>");
  lock.acquire_shared();
  CHECK(text_of(lock) == "<RWLock(readers=1)>");
  lock.release_shared();
  lock.acquire();
  CHECK(text_of(lock) == "<RWLock(writing)>");
  lock.release();
}

TEST_CASE("more than 126 readers come in by turns", "[synchronize][rwlock][threads]") {
  const mp::RWLock lock;
  const mp::Semaphore in(0), leave(0);
  std::vector<std::thread> threads;
  for (int i = 0; i < 130; ++i)
    threads.emplace_back([&] {
      lock.acquire_shared();
      in.release();
      leave.acquire();
      lock.release_shared();
    });
  for (int i = 0; i < 126; ++i) CHECK(in.acquire(20s));
  CHECK_FALSE(in.acquire(20ms));
  leave.release();  // one leaves and another comes, though 125 still read
  CHECK(in.acquire(20s));
  leave.release(129);
  for (auto& each : threads) each.join();
  CHECK(can_write(lock));
}

TEST_CASE("a killed reader reads no more", "[synchronize][rwlock][death]") {
  const mp::RWLock lock;
  Child first = reader(lock), second = reader(lock);
  std::vector<Child> writers;
  for (int i = 0; i < 2; ++i) {
    writers.emplace_back([&] { const std::scoped_lock guard(lock); });
    writers.back().asleep();
  }
  CHECK(first.kill() == killed);
  CHECK(second.kill() == killed);
  for (auto& each : writers) CHECK(each.join() == 0);
  CHECK_FALSE(lock.owner_died());
}

TEST_CASE("a killed writer lets readers and writers in, and the next to write hears of it",
          "[synchronize][rwlock][death]") {
  const mp::RWLock lock;
  const mp::Event writes;
  Child writer([&] {
    lock.acquire();
    writes.set();
    for (;;) ::pause();
  });
  writes.wait();
  std::vector<Child> sleepers;
  for (int i = 0; i < 2; ++i) {
    sleepers.emplace_back([&] { const std::shared_lock guard(lock); });
    sleepers.back().asleep();
    sleepers.emplace_back([&] { lock.acquire(); });  // ends without a release: a death too
    sleepers.back().asleep();
  }
  CHECK(writer.kill() == killed);
  for (auto& each : sleepers) CHECK(each.join() == 0);
  CHECK(lock.acquire(20s));
  CHECK(lock.owner_died());
  lock.release();
  CHECK_FALSE(lock.owner_died());
}

TEST_CASE("a writer that is killed waiting keeps nobody out", "[synchronize][rwlock][death]") {
  const mp::RWLock lock;
  Child reads = reader(lock);
  Child writer([&] { lock.acquire(); });
  writer.asleep();
  Child late([&] { lock.acquire_shared(); });
  late.asleep();
  CHECK(writer.kill() == killed);
  CHECK(late.join() == 0);
  CHECK(can_read(lock));
  CHECK(reads.kill() == killed);
}

TEST_CASE("a writer that is killed when it is woken lets the others in", "[synchronize][rwlock][death]") {
  const mp::RWLock lock;
  for (int round = 0; round < 20; ++round) {
    lock.acquire_shared();
    Child writer([&] { lock.acquire(); });
    writer.asleep();
    std::vector<Child> others;
    for (int i = 0; i < 2; ++i) {
      others.emplace_back([&] { const std::shared_lock guard(lock); });
      others.emplace_back([&] { const std::scoped_lock guard(lock); });
    }
    for (auto& each : others) each.asleep();
    lock.release_shared();
    writer.kill();
    for (auto& each : others) CHECK(each.join() == 0);
  }
}
