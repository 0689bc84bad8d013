// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/sharedctypes/elements.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <iterator>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace mp = multiprocessing;
using namespace mp::detail;

namespace {

template <class T, class R>
const T* address_seen(R&& range) {
  return with_row<T>(range, [](std::span<const T> row) { return row.data(); });
}

/// A range whose end never comes: it throws after some elements.
struct Failing {
  struct iterator {
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    int left = 5;
    int operator*() const { return left; }
    iterator& operator++() {
      if (--left == 0) throw mp::RuntimeError("no more");
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return false; }
  };
  iterator begin() const { return {}; }
  std::default_sentinel_t end() const { return {}; }
};

/// A range that can be read once, and tells its size to nobody.
struct Once {
  std::istringstream text;
  auto begin() { return std::istream_iterator<std::size_t>(text); }
  auto end() { return std::istream_iterator<std::size_t>(); }
};

}  // namespace

TEST_CASE("Elements of the same type in a row are used where they are", "[sharedctypes][elements]") {
  const std::vector<int> row{1, 2};
  const std::string text = "abc";
  CHECK(address_seen<int>(row) == row.data());
  CHECK(address_seen<char>(text) == text.data());
  CHECK(static_cast<const void*>(address_seen<long>(row)) != row.data());
}

TEST_CASE("Elements that come one by one are collected, however many they are", "[sharedctypes][elements]") {
  for (const std::size_t count : {0u, 1u, 15u, 16u, 17u, 1000u}) {
    std::string digits;
    for (std::size_t i = 0; i < count; ++i) digits += std::to_string(i) + ' ';
    const auto [elements, size] = collect<std::size_t>(Once{std::istringstream(digits)});
    REQUIRE(size == count);
    for (std::size_t i = 0; i < count; ++i) REQUIRE(elements[i] == i);
  }
}

TEST_CASE("What a range throws comes through, and nothing was made or changed", "[sharedctypes][elements]") {
  CHECK_THROWS_AS(make_from<int>(Failing()), mp::RuntimeError);
}
