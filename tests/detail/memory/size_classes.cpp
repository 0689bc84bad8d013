// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/memory/size_classes.hpp>

#include "support/catch.hpp"

using namespace multiprocessing::detail;

TEST_CASE("size_class_of: the smallest class that holds the size", "[detail][size_classes]") {
  std::size_t wrong = 0;
  for (std::size_t bytes = 0; bytes <= largest_small; ++bytes) {
    const std::uint32_t found = size_class_of(bytes);
    if (size_classes[found] < bytes || (found > 0 && size_classes[found - 1] >= bytes && bytes > 0)) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("size_classes: no class from 256 bytes on wastes more than a quarter", "[detail][size_classes]") {
  for (std::size_t i = 6; i + 2 < size_classes.size(); ++i)
    CHECK(size_classes[i] - size_classes[i - 1] - 1 <= size_classes[i] / 4);
}

TEST_CASE("size_classes: a size that is a multiple of an alignment has a class that is, too",
          "[detail][size_classes]") {
  for (const std::size_t alignment : {16u, 32u, 64u}) {
    std::size_t wrong = 0;
    for (std::size_t bytes = alignment; bytes <= largest_small; bytes += alignment)
      wrong += size_classes[size_class_of(bytes)] % alignment != 0;
    CHECK(wrong == 0);
  }
}
