// SPDX-License-Identifier: BSL-1.0
/// \file
/// How the elements of an array in shared memory are made, copied out and copied in.
#pragma once

#include <multiprocessing/detail/sharedctypes/slice.hpp>
#include <multiprocessing/detail/sharedctypes/states.hpp>
#include <multiprocessing/detail/text/quote.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// What text is for an array of T: for a character whatever is a string of it, a literal without its NUL.
template <class R, class T>
concept text_for = character<T> && std::convertible_to<R, std::basic_string_view<T>>;

/// What an array of T can be made of, besides text.
template <class R, class T>
concept elements_for =
    std::ranges::input_range<R> && std::convertible_to<std::ranges::range_reference_t<R>, T> && !text_for<R, T>;

template <class R, class T>
concept sequence_for = elements_for<R, T> || text_for<R, T>;

/// Whether the elements of R are Ts in a row, so that their bytes can be copied.
template <class R, class T>
concept row_of = std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
    std::same_as<std::ranges::range_value_t<R>, T> && std::is_trivially_copyable_v<T>;

template <class T>
void build_empty(T* where, std::size_t size) {
  if constexpr (std::is_trivially_default_constructible_v<T>) {
    if (size != 0) std::memset(static_cast<void*>(where), 0, size * sizeof(T));
  } else {
    std::uninitialized_value_construct_n(where, size);
  }
}

/// `size` elements `T{}`. Throws ValueError when it is negative, and ArenaFull when there is no room.
template <class T, countable Integer>
SharedElements<T> make_empty(Integer size) {
  if (std::cmp_less(size, 0)) throw ValueError("Array length must be >= 0, not " + std::to_string(size));
  const auto count = static_cast<std::size_t>(size);
  return SharedElements<T>::make(count, [&](T* where) { build_empty(where, count); });
}

template <class T>
SharedElements<T> make_copy(std::span<const T> elements) {
  return SharedElements<T>::make(elements.size(),
                                 [&](T* where) { std::uninitialized_copy(elements.begin(), elements.end(), where); });
}

/// The elements of a range, converted, in private memory: whatever a range does as it is read, it does before any lock
/// is taken and any block is asked for.
template <class T, class R>
auto collect(R&& range) {
  // Not a std::vector, whose elements are no Ts for bool.
  auto elements = std::make_unique<T[]>(0);
  std::size_t size = 0, room = 0;
  if constexpr (std::ranges::sized_range<R>) {
    room = static_cast<std::size_t>(std::ranges::size(range));
    elements = std::make_unique<T[]>(room);
  }
  for (auto&& element : range) {
    if (size == room) {
      room = std::max<std::size_t>(16, 2 * room);
      auto more = std::make_unique<T[]>(room);
      std::move(elements.get(), elements.get() + size, more.get());
      elements = std::move(more);
    }
    elements[size++] = static_cast<T>(std::forward<decltype(element)>(element));
  }
  return std::pair(std::move(elements), size);
}

/// Calls `use` with a span of the elements of `range`: in place where they are Ts in a row.
template <class T, class R, class Use>
decltype(auto) with_row(R&& range, Use use) {
  if constexpr (text_for<R, T>) {
    const std::basic_string_view<T> text = range;
    return use(std::span<const T>(text));
  } else if constexpr (row_of<R, T>) {
    return use(std::span<const T>(std::ranges::data(range), static_cast<std::size_t>(std::ranges::size(range))));
  } else {
    const auto [elements, size] = collect<T>(std::forward<R>(range));
    return use(std::span<const T>(elements.get(), size));
  }
}

template <class T, class R>
SharedElements<T> make_from(R&& range) {
  return with_row<T>(std::forward<R>(range), [](std::span<const T> row) { return make_copy(row); });
}

/// What a slice of an array is: a vector, and for char a string, as bytes are in Python.
template <class T>
using slice_t = std::conditional_t<std::same_as<T, char>, std::string, std::vector<T>>;

/// Puts a copy of the elements of `slice` into `copies`, which has room for them: no memory is asked for, nor set to
/// zero first.
template <class T>
void copy_out(const T* data, const Slice& slice, slice_t<T>& copies) {
  if (slice.contiguous()) {
    copies.insert(copies.end(), data + slice.start(), data + slice.start() + slice.size());
    return;
  }
  for (std::size_t i = 0; i < slice.size(); ++i) copies.push_back(data[slice[i]]);
}

/// Throws ValueError unless `row` has as many elements as `slice`.
template <class T>
void require_same_size(const Slice& slice, std::span<const T> row) {
  if (row.size() == slice.size()) return;
  throw ValueError("Can only assign sequence of same size: the slice has " + std::to_string(slice.size()) +
                   " elements, the sequence " + std::to_string(row.size()));
}

/// Assigns `row` to the elements of `slice`; the two may overlap where the slice is contiguous.
template <class T>
void copy_in(T* data, const Slice& slice, std::span<const T> row) {
  if constexpr (std::is_trivially_copyable_v<T>) {
    if (slice.contiguous()) {
      if (!row.empty()) std::memmove(data + slice.start(), row.data(), row.size_bytes());
      return;
    }
  }
  for (std::size_t i = 0; i < row.size(); ++i) data[slice[i]] = row[i];
}

}  // namespace multiprocessing::detail
