// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/sharedctypes/any_lock.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <mutex>
#include <sstream>
#include <thread>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

TEST_CASE("An AnyLock is the lock that it was made of", "[sharedctypes][any_lock]") {
  const mp::Lock lock;
  const mp::RLock rlock;
  const mp::AnyLock any(lock), other(rlock);
  CHECK(any.acquire());
  CHECK(lock.locked());
  CHECK(any.locked());
  CHECK_FALSE(any.acquire(1ms));  // not recursive
  CHECK_FALSE(any.try_lock());
  std::thread([&] { any.release(); }).join();  // not owned
  CHECK_FALSE(lock.locked());
  CHECK_THROWS_AS(any.release(), mp::ValueError);

  std::scoped_lock guard(any, other);
  CHECK(other.try_lock());  // recursive
  std::thread([&] {
    CHECK_FALSE(other.try_lock_for(1ms));
    CHECK_FALSE(other.try_lock_until(std::chrono::steady_clock::now() + 1ms));
    CHECK_THROWS_AS(other.release(), mp::AssertionError);
  }).join();
  other.unlock();
  CHECK_FALSE(other.owner_died());
  CHECK(any == mp::AnyLock(lock));
  CHECK_FALSE(any == other);
  CHECK_FALSE(any == mp::AnyLock(mp::Lock()));
}

TEST_CASE("After its holder's thread ended an AnyLock says so", "[sharedctypes][any_lock]") {
  for (const mp::AnyLock& any : {mp::AnyLock(mp::Lock()), mp::AnyLock(mp::RLock())}) {
    std::thread([&] { any.lock(); }).join();
    CHECK(any.acquire());
    CHECK(any.owner_died());
    any.release();
    CHECK_FALSE(any.owner_died());
  }
}

TEST_CASE("The text of an AnyLock is that of its lock", "[sharedctypes][any_lock]") {
  std::ostringstream out;
  out << mp::AnyLock(mp::RLock());
  CHECK(out.str() == "<RLock(None, 0)>");
}
