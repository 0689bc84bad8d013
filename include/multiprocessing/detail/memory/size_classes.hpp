// SPDX-License-Identifier: BSL-1.0
/// \file
/// The sizes in which small blocks are handed out.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace multiprocessing::detail {

inline constexpr std::size_t cache_line = 64;  // our own: the compiler's figure may differ between two processes
inline constexpr std::size_t chunk_bytes = std::size_t{64} << 10;

/// Two kinds of small blocks never share a chunk: what mp::allocator hands out, and the library's own objects, which
/// have a header that can be read when their process is dead.
inline constexpr std::uint32_t block_domains = 2;
enum class Domain : std::uint32_t { raw = 0, object = 1 };

/// Four steps to each doubling: at most a quarter of a block is wasted. Multiples of 64 keep neighbours off one line.
inline constexpr std::array<std::uint32_t, 27> size_classes = {
    16,   32,   64,   128,  192,  256,  320,  384,  448,  512,  640,  768,   896,   1024,
    1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096, 5120, 6144, 7168, 8128, 16192};
inline constexpr std::uint32_t size_class_count = static_cast<std::uint32_t>(size_classes.size());
inline constexpr std::size_t largest_small = size_classes.back();

namespace size_class_table {

// By units of 16 bytes up to 1 KiB, then by search among the few above.
inline constexpr std::size_t small_units = 1024 / 16;
inline constexpr auto by_unit = [] {
  std::array<std::uint8_t, small_units + 1> table{};
  std::uint8_t at = 0;
  for (std::size_t unit = 0; unit <= small_units; ++unit) {
    while (size_classes[at] < unit * 16) ++at;
    table[unit] = at;
  }
  return table;
}();

}  // namespace size_class_table

/// The class whose blocks hold `bytes`, which is at most largest_small.
constexpr std::uint32_t size_class_of(std::size_t bytes) {
  if (bytes <= 1024) return size_class_table::by_unit[(bytes + 15) / 16];
  std::uint32_t at = size_class_table::by_unit.back();
  while (size_classes[at] < bytes) ++at;
  return at;
}

static_assert(size_class_of(0) == 0 && size_class_of(17) == 1 && size_class_of(64) == 2 && size_class_of(65) == 3);
static_assert(size_classes[size_class_of(1024)] == 1024 && size_classes[size_class_of(1025)] == 1280);
static_assert(size_class_of(largest_small) == size_class_count - 1);

}  // namespace multiprocessing::detail
