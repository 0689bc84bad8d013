// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/sharedctypes/synchronized.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <mutex>
#include <optional>
#include <type_traits>

namespace mp = multiprocessing;

namespace {

template <class Object>
concept can_be_synchronized = requires(const Object& object) {
  mp::synchronized(object);
};

}  // namespace

TEST_CASE("synchronized shows a raw object through a lock", "[sharedctypes][synchronized]") {
  const mp::RawValue<int> raw(1);
  const auto v = mp::synchronized(raw);
  STATIC_REQUIRE(std::is_same_v<decltype(v), const mp::Value<int>>);
  v.value += 1;
  CHECK(raw.value == 2);
  raw.value = 5;
  CHECK(v.get() == 5);
  const auto again = mp::synchronized(raw);
  CHECK(again.get_lock() == v.get_lock());

  const mp::RawArray<int> row{1, 2};
  const auto a = mp::synchronized(row);
  STATIC_REQUIRE(std::is_same_v<decltype(a), const mp::Array<int>>);
  a[0] = 7;
  CHECK(row[0] == 7);
  CHECK(a.size() == 2);
}

TEST_CASE("synchronized takes the lock that it is given", "[sharedctypes][synchronized]") {
  const mp::Lock lock;
  const auto v = mp::synchronized(mp::RawValue<int>(1), lock);
  const auto a = mp::synchronized(mp::RawArray<int>(1), mp::RLock());
  CHECK(v.get_lock() == mp::AnyLock(lock));
  std::scoped_lock guard(lock, a);
  CHECK_FALSE(v.try_lock());
}

TEST_CASE("The object lives as long as either handle", "[sharedctypes][synchronized]") {
  std::optional<mp::RawValue<int>> raw(3);
  const auto v = mp::synchronized(*raw);
  const auto lock = v.get_lock();
  raw.reset();
  const mp::RawValue<int> another(4);
  CHECK(v.get() == 3);
  CHECK(in_child([&] { v.value = 5; }) == 0);
  CHECK(v.get() == 5);
  lock.acquire();
  CHECK(v.get() == 5);
  lock.release();
}

TEST_CASE("The lock of an object outlives its other handles", "[sharedctypes][synchronized]") {
  const mp::AnyLock lock = mp::Value<int>(1).get_lock();
  const mp::Value<int> another(2);
  lock.acquire();
  CHECK(lock.locked());
  CHECK(another.try_lock());
  another.unlock();
  lock.release();
}

TEST_CASE("What is synchronized already is refused", "[sharedctypes][synchronized]") {
  STATIC_REQUIRE(can_be_synchronized<mp::RawValue<int>>);
  STATIC_REQUIRE(can_be_synchronized<mp::RawArray<int>>);
  STATIC_REQUIRE_FALSE(can_be_synchronized<mp::Value<int>>);
  STATIC_REQUIRE_FALSE(can_be_synchronized<mp::Array<int>>);
}
