// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/range.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <numeric>
#include <ranges>
#include <set>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

namespace mp = multiprocessing;

namespace {

template <class T>
std::vector<T> elements(const mp::range<T>& r) {
  std::vector<T> all;
  for (T element : r) all.push_back(element);
  return all;
}

template <class T>
std::string text(const mp::range<T>& r) {
  std::ostringstream stream;
  stream << r;
  return stream.str();
}

template <class... Args>
concept makes_range = requires(Args... args) {
  mp::range(args...);
};

using Numbers = std::vector<int>;

}  // namespace

TEST_CASE("range: counts as Python's does", "[range]") {
  CHECK(elements(mp::range(3)) == Numbers{0, 1, 2});
  CHECK(elements(mp::range(2, 5)) == Numbers{2, 3, 4});
  CHECK(elements(mp::range(0, 10, 3)) == Numbers{0, 3, 6, 9});
  CHECK(elements(mp::range(0, 9, 3)) == Numbers{0, 3, 6});
  CHECK(elements(mp::range(3, 0, -1)) == Numbers{3, 2, 1});
  CHECK(elements(mp::range(5, -5, -4)) == Numbers{5, 1, -3});
  CHECK(elements(mp::range(-3, 0)) == Numbers{-3, -2, -1});
  CHECK(elements(mp::range(0, 1, 1000)) == Numbers{0});
}

TEST_CASE("range: is empty where the step leads away from stop", "[range]") {
  CHECK(mp::range(0).empty());
  CHECK(mp::range(-4).empty());
  CHECK(mp::range(5, 0).empty());
  CHECK(mp::range(0, 5, -1).empty());
  CHECK(mp::range(5, 5).size() == 0);
  CHECK(elements(mp::range(5, 0)).empty());
  CHECK_FALSE(mp::range(1).empty());
}

TEST_CASE("range: a step of zero is a ValueError in Python's words", "[range]") {
  CHECK_THROWS_AS(mp::range(1, 2, 0), mp::ValueError);
  CHECK_THROWS_WITH(mp::range(1, 2, 0), "range() arg 3 must not be zero");
}

TEST_CASE("range: mixes integer types", "[range]") {
  const std::vector<char> seven(7);
  const auto indices = mp::range(0, seven.size());
  STATIC_REQUIRE(std::is_same_v<decltype(indices), const mp::range<std::size_t>>);
  CHECK(indices.size() == 7);
  CHECK(elements(mp::range(seven.size(), 0, -3)) == std::vector<std::size_t>{7, 4, 1});
  CHECK(elements(mp::range(seven.size() - 1, -1, -2)) == std::vector<std::size_t>{6, 4, 2, 0});
  STATIC_REQUIRE(std::is_same_v<decltype(mp::range(0, 10, 2u)), mp::range<int>>);
  STATIC_REQUIRE(std::is_same_v<decltype(mp::range(std::int8_t{3})), mp::range<std::int8_t>>);
  CHECK(elements(mp::range<long>(0, 5, 2)) == std::vector<long>{0, 2, 4});
}

TEST_CASE("range: an element that its type cannot hold is a ValueError, not another number", "[range]") {
  CHECK_THROWS_AS(mp::range(-5, std::size_t{7}), mp::ValueError);
  CHECK_THROWS_WITH(mp::range(-5, std::size_t{7}), contains("-5 does not fit"));
  CHECK_THROWS_AS((mp::range<std::int8_t>(0, 200)), mp::ValueError);
  CHECK_THROWS_AS((mp::range<std::uint8_t>(10, -10, -3)), mp::ValueError);
  CHECK_THROWS_AS((mp::range<std::int64_t>(std::numeric_limits<std::int64_t>::min(), std::uint64_t{1} << 63)),
                  mp::ValueError);
  CHECK(mp::range(5u, -5).empty());  // nothing in it that does not fit
  CHECK(mp::range<std::int8_t>(0, 200, 100).size() == 2);
}

TEST_CASE("range: ends at the limits of its type without overflow", "[range]") {
  CHECK(elements(mp::range<std::int8_t>(120, 127)) == std::vector<std::int8_t>{120, 121, 122, 123, 124, 125, 126});
  CHECK(elements(mp::range<std::int8_t>(120, 128)).back() == 127);
  CHECK(elements(mp::range<std::int8_t>(100, 127, 20)) == std::vector<std::int8_t>{100, 120});
  CHECK(elements(mp::range<std::int8_t>(-128, 128)).size() == 256);
  CHECK(elements(mp::range<std::uint8_t>(250, 256, 3)) == std::vector<std::uint8_t>{250, 253});
  CHECK(elements(mp::range<std::uint8_t>(255, -1, -85)) == std::vector<std::uint8_t>{255, 170, 85, 0});

  constexpr auto low = std::numeric_limits<std::int64_t>::min();
  constexpr auto high = std::numeric_limits<std::int64_t>::max();
  CHECK(mp::range(low, high).size() == std::numeric_limits<std::uint64_t>::max());
  CHECK(elements(mp::range(low, high, high)) == std::vector<std::int64_t>{low, -1, high - 1});
  CHECK(elements(mp::range(high, low, low)) == std::vector<std::int64_t>{high, -1});
  CHECK(elements(mp::range(high - 1, std::uint64_t{1} << 63)).size() == 2);
  CHECK(elements(mp::range(std::numeric_limits<std::uint64_t>::max() - 2, std::numeric_limits<std::uint64_t>::max()))
            .size() == 2);
}

TEST_CASE("range: every small progression agrees with counting by hand", "[range]") {
  for (int start = -6; start <= 6; ++start) {
    for (int stop = -6; stop <= 6; ++stop) {
      for (int step = -4; step <= 4; ++step) {
        if (step == 0) continue;
        Numbers expected;
        for (int n = start; step > 0 ? n < stop : n > stop; n += step) expected.push_back(n);
        const mp::range r(start, stop, step);
        CAPTURE(start, stop, step);
        REQUIRE(elements(r) == expected);
        REQUIRE(r.size() == expected.size());
        for (int n = -12; n <= 12; ++n) {
          REQUIRE(r.contains(n) == (std::find(expected.begin(), expected.end(), n) != expected.end()));
        }
      }
    }
  }
}

TEST_CASE("range: an index counts from either end, and beyond is an IndexError", "[range]") {
  const mp::range r(10, 20, 3);
  CHECK(r[0] == 10);
  CHECK(r[3] == 19);
  CHECK(r[-1] == 19);
  CHECK(r[-4] == 10);
  CHECK(r[std::size_t{1}] == 13);
  CHECK_THROWS_AS(r[4], mp::IndexError);
  CHECK_THROWS_AS(r[-5], mp::IndexError);
  CHECK_THROWS_AS(r[std::numeric_limits<std::uint64_t>::max()], mp::IndexError);
  CHECK_THROWS_WITH(mp::range(0)[0], "range object index out of range");
}

TEST_CASE("range: equal means the same elements", "[range]") {
  CHECK(mp::range(0, 3, 2) == mp::range(0, 4, 2));
  CHECK(mp::range(0) == mp::range(5, 2));
  CHECK(mp::range(3) == mp::range(0, 3u));
  CHECK(mp::range(1, 2, 5) == mp::range(1, 2, 7));
  CHECK_FALSE(mp::range(3) == mp::range(4));
  CHECK(mp::range(0, 4, 2) != mp::range(0, 2));
  CHECK_FALSE(mp::range(-1, 1) ==
              mp::range(std::numeric_limits<unsigned>::max() - 1, std::numeric_limits<unsigned>::max()));
}

TEST_CASE("range: its text is Python's", "[range]") {
  CHECK(text(mp::range(10)) == "range(0, 10)");
  CHECK(text(mp::range(0, 10, 2)) == "range(0, 10, 2)");
  CHECK(text(mp::range(10, 0, -1)) == "range(10, 0, -1)");
  CHECK(text(mp::range(5, 0)) == "range(5, 0)");
  CHECK(text(mp::range(std::size_t{3}, -1, -1)) == "range(3, -1, -1)");
  CHECK(text(mp::range(std::numeric_limits<std::uint64_t>::max())) == "range(0, 18446744073709551615)");
  CHECK(text(mp::range(std::numeric_limits<std::int64_t>::min(), 0)) == "range(-9223372036854775808, 0)");
}

TEST_CASE("range: fills containers and is a forward range", "[range]") {
  STATIC_REQUIRE(std::ranges::forward_range<mp::range<int>>);
  STATIC_REQUIRE(std::ranges::forward_range<const mp::range<std::uint64_t>>);
  STATIC_REQUIRE(std::ranges::sized_range<mp::range<int>>);
  STATIC_REQUIRE(std::ranges::common_range<mp::range<int>>);
  STATIC_REQUIRE(std::is_same_v<std::ranges::range_value_t<mp::range<short>>, short>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<mp::range<int>, Numbers>);  // only where it is asked for

  const mp::range r(4);
  CHECK(std::vector<int>(r) == Numbers{0, 1, 2, 3});
  CHECK(std::vector<int>(r.begin(), r.end()) == Numbers{0, 1, 2, 3});
  CHECK(std::deque<double>(r) == std::deque<double>{0, 1, 2, 3});
  CHECK(std::set<int>(r).size() == 4);
  CHECK(std::accumulate(r.begin(), r.end(), 0) == 6);
  auto at = r.begin();
  CHECK(*at++ == 0);
  CHECK(*at == 1);
}

TEST_CASE("range: refuses what Python refuses", "[range]") {
  STATIC_REQUIRE(makes_range<int>);
  STATIC_REQUIRE(makes_range<int, unsigned long, signed char>);
  STATIC_REQUIRE_FALSE(makes_range<double>);
  STATIC_REQUIRE_FALSE(makes_range<int, double>);
  STATIC_REQUIRE_FALSE(makes_range<bool>);
  STATIC_REQUIRE_FALSE(makes_range<char>);
  STATIC_REQUIRE_FALSE(makes_range<const char*>);
}

TEST_CASE("range: is a constant expression", "[range]") {
  constexpr mp::range r(0, 10, 3);
  STATIC_REQUIRE(r.size() == 4);
  STATIC_REQUIRE(r[-1] == 9);
  STATIC_REQUIRE(r.contains(6));
  STATIC_REQUIRE(std::accumulate(r.begin(), r.end(), 0) == 18);
}
