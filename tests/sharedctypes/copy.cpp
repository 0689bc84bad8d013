// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/sharedctypes/copy.hpp>

#include "support/catch.hpp"

#include <type_traits>
#include <vector>

namespace mp = multiprocessing;

TEST_CASE("copy makes a new object with the same content", "[sharedctypes][copy]") {
  const mp::RawValue<int> v(1);
  const auto w = mp::copy(v);
  w.value = 2;
  CHECK(v.value == 1);
  const mp::RawArray<int> a{1, 2};
  const auto b = mp::copy(a);
  b[0] = 5;
  CHECK(a.slice() == std::vector{1, 2});
  CHECK(b.slice() == std::vector{5, 2});
}

TEST_CASE("copy of a locked object reads it under the lock and has none", "[sharedctypes][copy]") {
  const mp::Value<int> v(3);
  const auto w = mp::copy(v);
  STATIC_REQUIRE(std::is_same_v<decltype(w), const mp::RawValue<int>>);
  v.value = 4;
  CHECK(w.value == 3);
  const mp::Array<bool> a(std::vector<bool>{true, false});
  const auto b = mp::copy(a);
  STATIC_REQUIRE(std::is_same_v<decltype(b), const mp::RawArray<bool>>);
  a[0] = false;
  CHECK(b[0]);
  CHECK(mp::copy(mp::Array<char>("text")).value == "text");
}
