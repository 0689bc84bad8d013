// SPDX-License-Identifier: BSL-1.0
/// \file
/// The elements of Python's array.array.
#pragma once

#include <multiprocessing/object/big_integer.hpp>
#include <multiprocessing/object/compare.hpp>
#include <multiprocessing/object/nodes.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace multiprocessing::detail {

/// Calls `use` with a zero of the type that `typecode` stands for; with nothing where there is none.
template <class Use>
auto with_item_type(char typecode, Use use) {
  switch (typecode) {
    case 'b': return use(std::int8_t{});
    case 'B': return use(std::uint8_t{});
    case 'h': return use(std::int16_t{});
    case 'H': return use(std::uint16_t{});
    case 'i': return use(std::int32_t{});
    case 'I': return use(std::uint32_t{});
    case 'l':
    case 'q': return use(std::int64_t{});
    case 'L':
    case 'Q': return use(std::uint64_t{});
    case 'f': return use(float{});
    case 'd': return use(double{});
    default: return use();
  }
}

/// The size of an element; 0 of an unknown typecode.
inline std::size_t item_size(char typecode) {
  return with_item_type(typecode, []<class... T>(T...) -> std::size_t { return (sizeof(T) + ... + 0); });
}

/// The one typecode of those that mean the same here: l and L have 64 bits, as q and Q.
inline char plain_typecode(char typecode) { return typecode == 'l' ? 'q' : typecode == 'L' ? 'Q' : typecode; }

/// The typecode for elements of type `T`. The 64-bit ones are q and Q, which mean the same on every system.
template <class T>
requires std::is_arithmetic_v<T>
constexpr char typecode_of() {
  if constexpr (std::floating_point<T>) {
    return sizeof(T) == 4 ? 'f' : 'd';
  } else if constexpr (std::is_signed_v<T>) {
    return sizeof(T) == 1 ? 'b' : sizeof(T) == 2 ? 'h' : sizeof(T) == 4 ? 'i' : 'q';
  } else {
    return sizeof(T) == 1 ? 'B' : sizeof(T) == 2 ? 'H' : sizeof(T) == 4 ? 'I' : 'Q';
  }
}

inline std::size_t array_size(const ArrayNode& array) {
  return ObjectAccess::text(array.content).size() / item_size(array.typecode);
}

inline object array_item(const ArrayNode& array, std::size_t at) {
  return with_item_type(array.typecode, [&]<class... T>(T... value) {
    object item;
    [[maybe_unused]] const auto read = [&](auto& number) {
      std::memcpy(&number, ObjectAccess::text(array.content).data() + at * sizeof number, sizeof number);
      item = object(number);
    };
    (read(value), ...);
    return item;
  });
}

template <class Use>
void for_each_array_item(const ArrayNode& array, Use use) {
  for (std::size_t i = 0, size = array_size(array); i < size; ++i) use(array_item(array, i));
}

inline bool equal_arrays(const object& a, const object& b) {
  const auto &x = ObjectAccess::node_as<ArrayNode>(a), &y = ObjectAccess::node_as<ArrayNode>(b);
  const std::size_t size = array_size(x);
  if (size != array_size(y)) return false;
  for (std::size_t i = 0; i < size; ++i) {
    if (!equal_objects(array_item(x, i), array_item(y, i), 0)) return false;
  }
  return true;
}

}  // namespace multiprocessing::detail
