// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/sharedctypes/element_reference.hpp>

#include <multiprocessing/sharedctypes/array.hpp>
#include <multiprocessing/sharedctypes/value.hpp>

#include "support/catch.hpp"

#include <concepts>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace mp = multiprocessing;

namespace {

struct Point {
  int x = 1;
  int y = 2;
};
using Element = mp::ElementReference<int>;

}  // namespace

TEST_CASE("An element is used where it is named, and cannot be kept", "[sharedctypes][element_reference]") {
  STATIC_REQUIRE(std::convertible_to<Element, int>);
  STATIC_REQUIRE_FALSE(std::convertible_to<Element&, int>);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<Element>);
  STATIC_REQUIRE_FALSE(std::is_move_constructible_v<Element>);
  STATIC_REQUIRE(std::is_assignable_v<Element, int>);
  STATIC_REQUIRE(std::is_assignable_v<Element, Element>);
  STATIC_REQUIRE_FALSE(std::is_assignable_v<Element&, int>);
}

TEST_CASE("Elements and values are assigned to each other", "[sharedctypes][element_reference]") {
  const mp::Array<int> a{1, 2};
  const mp::Value<int> v(3);
  const mp::Value<Point> p;
  a[0] = v.value;
  v.value = a[1];
  p[&Point::x] = a[0];
  a[1] = p[&Point::y] = 9;
  CHECK(a.slice() == std::vector{3, 9});
  CHECK(v.get() == 2);
  CHECK(p.get().x == 3);
  a[0] += a[1];
  v.value += a[0];
  CHECK(v.get() == 14);
  for (auto&& n : a) v.value = n;
  CHECK(v.get() == 9);
  for (auto&& n : a) n = v.value;
  CHECK(a.slice() == std::vector{9, 9});
}

TEST_CASE("Two elements of one array are swapped under one lock", "[sharedctypes][element_reference]") {
  const mp::Array<int> a{1, 2};
  const auto same = a;
  std::thread other([&] {
    for (int i = 0; i < 2000; ++i) swap(a[0], same[1]);
  });
  bool torn = false;
  for (int i = 0; i < 2000; ++i) {
    const auto seen = a.slice();
    torn = torn || seen[0] + seen[1] != 3;
  }
  other.join();
  CHECK_FALSE(torn);
  CHECK(a.slice() == std::vector{1, 2});
}
