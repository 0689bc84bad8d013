// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/sharedctypes/raw_array.hpp>

#include <multiprocessing/text.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <list>
#include <numeric>
#include <ranges>
#include <span>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
using List = std::vector<int>;

namespace {

/// A range that can be read once, and tells its size to nobody.
struct Once {
  std::istringstream text;
  auto begin() { return std::istream_iterator<int>(text); }
  auto end() { return std::istream_iterator<int>(); }
};

}  // namespace

TEST_CASE("A RawArray is made of a size, a list or a range", "[sharedctypes][raw_array]") {
  CHECK(mp::RawArray<int>(3).slice() == List{0, 0, 0});
  CHECK(mp::RawArray<int>{3}.slice() == List{3});
  CHECK(mp::RawArray<int>(mp::range(3)).slice() == List{0, 1, 2});
  CHECK(mp::RawArray<int>(std::list<char>{1, 2}).slice() == List{1, 2});
  CHECK(mp::RawArray<bool>(std::vector<bool>{true, false}).slice() == std::vector<bool>{true, false});
  CHECK(mp::RawArray<int>(Once{std::istringstream("5 6 7")}).slice() == List{5, 6, 7});
  mp::RawArray g{1, 2, 3};
  mp::RawArray r(mp::range(3));
  mp::RawArray t("text");
  STATIC_REQUIRE(std::is_same_v<decltype(g), mp::RawArray<int>>);
  STATIC_REQUIRE(std::is_same_v<decltype(r), mp::RawArray<int>>);
  STATIC_REQUIRE(std::is_same_v<decltype(t), mp::RawArray<char>>);
  CHECK_THROWS_WITH(mp::RawArray<int>(-1), "Array length must be >= 0, not -1");
  CHECK_THROWS_AS(mp::RawArray<long>(std::numeric_limits<std::size_t>::max()), mp::ArenaFull);
  CHECK(mp::RawArray<int>(0).empty());
}

TEST_CASE("A RawArray is a contiguous range of plain references", "[sharedctypes][raw_array]") {
  STATIC_REQUIRE(std::ranges::contiguous_range<const mp::RawArray<int>>);
  STATIC_REQUIRE(std::ranges::sized_range<const mp::RawArray<int>>);
  const mp::RawArray<int> a{3, 1, 2};
  std::ranges::sort(a);
  CHECK(a.slice() == List{1, 2, 3});
  for (int& n : a) n *= 2;
  CHECK(std::accumulate(a.begin(), a.end(), 0) == 12);
  a[0] = 9;
  a[-1] += 1;
  CHECK(a[2u] == 7);
  int& kept = a[1];
  kept = 5;
  CHECK(a.at(1) == 5);
  CHECK(a.data() == &a[0]);
  CHECK(a.get_obj().size() == 3);
  CHECK(a.with([](std::span<int> all) { return all.back(); }) == 7);
  CHECK_THROWS_AS(a[3], mp::IndexError);
  CHECK_THROWS_AS(a.at(-4), mp::IndexError);
  CHECK(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0);
}

TEST_CASE("Processes share a RawArray", "[sharedctypes][raw_array]") {
  const mp::RawArray<long> a(100000);
  CHECK(in_child([&] { std::iota(a.begin(), a.end(), 0L); }) == 0);
  CHECK(a[99999] == 99999);
  CHECK(std::ranges::is_sorted(a));
}

TEST_CASE("Slices of a RawArray are read and assigned as those of an Array", "[sharedctypes][raw_array]") {
  const mp::RawArray<int> a(mp::range(6));
  CHECK(a.slice(1, -1, 2) == List{1, 3});
  CHECK(a.slice({}, {}, -5) == List{5, 0});
  a.assign(0, 2, {8, 9});
  a.assign({}, {}, 3, mp::range(2));
  CHECK(a.slice() == List{0, 9, 2, 1, 4, 5});
  a.assign(0, 5, a.get_obj().last(5));  // overlapping
  CHECK(a.slice() == List{9, 2, 1, 4, 5, 5});
  a.assign(0, 2, 1, {7, 7});
  CHECK(a.slice(0, 2) == List{7, 7});
  CHECK_THROWS_AS(a.assign(0, 2, {1}), mp::ValueError);
  CHECK_THROWS_AS(a.slice(0, 1, 0), mp::ValueError);
}

TEST_CASE("A copied RawArray refers to the same elements and = binds it to others", "[sharedctypes][raw_array]") {
  mp::RawArray<int> a{1}, b{2, 3};
  mp::RawArray<int> c = a;
  c[0] = 5;
  CHECK(a[0] == 5);
  c = b;
  CHECK(c.size() == 2);
  c[0] = 6;
  CHECK(b[0] == 6);
}

TEST_CASE("The text of a RawArray is that of its elements", "[sharedctypes][raw_array]") {
  CHECK(mp::repr(mp::RawArray<int>{1, 2}) == "[1, 2]");
  CHECK(mp::repr(mp::RawArray<char>("hi")) == "'hi'");
  CHECK(mp::repr(mp::RawArray<std::byte>(2)) == "b'\\x00\\x00'");
  std::ostringstream out;
  out << mp::RawArray<double>{0.5};
  CHECK(out.str() == "[0.5]");
}
