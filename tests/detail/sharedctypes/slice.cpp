// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/sharedctypes/slice.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace mp = multiprocessing;
using mp::detail::checked_index;
using mp::detail::Slice;
using mp::detail::SliceIndex;

namespace {

std::vector<std::ptrdiff_t> listed(const Slice& slice) {
  std::vector<std::ptrdiff_t> indices;
  for (std::size_t i = 0; i < slice.size(); ++i) indices.push_back(slice[i]);
  return indices;
}

using Bound = std::optional<int>;

/// What Python's manual says of `s[i:j:k]`: from i by k, never reaching j, without leaving the sequence.
std::vector<std::ptrdiff_t> by_the_book(int size, Bound start, Bound stop, int step) {
  std::vector<std::ptrdiff_t> indices;
  const auto counted = [&](int index) { return index < 0 ? index + size : index; };
  int at = start ? counted(*start) : step > 0 ? 0 : size - 1;
  if (step > 0 && at < 0) at = 0;
  if (step < 0 && at > size - 1) at = size - 1;
  for (; at >= 0 && at < size; at += step) {
    if (stop && (step > 0 ? at >= counted(*stop) : at <= counted(*stop))) break;
    indices.push_back(at);
  }
  return indices;
}

}  // namespace

TEST_CASE("A slice means the elements that Python's means", "[sharedctypes][slice]") {
  std::vector<Bound> bounds{std::nullopt};
  for (int i = -7; i <= 7; ++i) bounds.emplace_back(i);
  for (int size = 0; size <= 5; ++size) {
    for (const Bound start : bounds) {
      for (const Bound stop : bounds) {
        for (const int step : {-7, -3, -2, -1, 1, 2, 3, 7}) {
          if (listed(Slice(static_cast<std::size_t>(size), start, stop, step)) == by_the_book(size, start, stop, step))
            continue;
          FAIL("size " << size << " start " << start.value_or(99) << " stop " << stop.value_or(99) << " step " << step);
        }
      }
    }
  }
  SUCCEED();
}

TEST_CASE("Slices beyond all numbers are clipped, not overflowed", "[sharedctypes][slice]") {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  using List = std::vector<std::ptrdiff_t>;
  CHECK(listed(Slice(3, least, most, 1)) == List{0, 1, 2});
  CHECK(listed(Slice(3, most, least, -1)) == List{2, 1, 0});
  CHECK(listed(Slice(3, {}, {}, most)) == List{0});
  CHECK(listed(Slice(3, {}, {}, least)) == List{2});
  CHECK(listed(Slice(3, 1, {}, std::numeric_limits<std::int64_t>::max())) == List{1});
  CHECK(listed(Slice(3, std::size_t{1}, short{3}, {})) == List{1, 2});
  CHECK_THROWS_WITH(Slice(3, {}, {}, 0), "slice step cannot be zero");
  STATIC_REQUIRE_FALSE(std::is_constructible_v<SliceIndex, bool>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<SliceIndex, char>);
}

TEST_CASE("An index counts from either end and no further", "[sharedctypes][slice]") {
  CHECK(checked_index(0, 3) == 0);
  CHECK(checked_index(2u, 3) == 2);
  CHECK(checked_index(-1, 3) == 2);
  CHECK(checked_index(std::int8_t{-3}, 3) == 0);
  CHECK_THROWS_AS(checked_index(3, 3), mp::IndexError);
  CHECK_THROWS_AS(checked_index(-4, 3), mp::IndexError);
  CHECK_THROWS_AS(checked_index(0, 0), mp::IndexError);
  CHECK_THROWS_AS(checked_index(-1, 0), mp::IndexError);
  CHECK_THROWS_AS(checked_index(std::numeric_limits<std::int64_t>::min(), 3), mp::IndexError);
  CHECK_THROWS_AS(checked_index(std::numeric_limits<std::uint64_t>::max(), 3), mp::IndexError);
  CHECK_THROWS_WITH(checked_index(-4, 3), contains("invalid index -4 of an array of 3"));
}
