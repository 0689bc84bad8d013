// SPDX-License-Identifier: BSL-1.0
/// \file
/// RawArray: a row of objects in shared memory, without a lock.
#pragma once

#include <multiprocessing/detail/sharedctypes/elements.hpp>
#include <multiprocessing/detail/sharedctypes/text.hpp>
#include <multiprocessing/sharedctypes/text_reference.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <ostream>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace multiprocessing {

template <class T>
class Array;

/// A row of numbers, or of any `shareable` structs, that processes share, without a lock; the counterpart of Python's
/// `RawArray`. A contiguous range: `for (int& n : raw)`, `std::ranges::sort(raw)`.
///
/// Shared:  copies refer to one array; pass them to a Process or capture them in a lambda.
/// Threads: as of an array in the memory of one process.
/// Fork:    parent and child have the same array.
/// Death:   what a process had written when it was killed stays, whatever it was about to write.
/// Cost:    as of a std::vector. begin(), data(), slice() and assign() check that the array is still there; `raw[i]`
///          checks its index only: it stands in loops, where a look into shared memory would double their time.
template <class T>
class RawArray : public detail::TextMembers<RawArray<T>, T> {
  static_assert(shareable<T>,
                "RawArray<T>: T is copied as bytes between processes, so it may not hold pointers, nor "
                "memory of its own as std::string does");
  static_assert(detail::require_storable<T>());

 public:
  using value_type = T;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using reference = T&;
  using iterator = T*;
  using const_iterator = T*;

  /// `size` elements `T{}`: zero, for numbers. Throws ValueError if it is negative, ArenaFull when there is no room.
  template <detail::countable Integer>
  explicit RawArray(Integer size) : elements_(detail::make_empty<T>(size)) {}
  explicit RawArray(std::initializer_list<T> elements)
      : elements_(detail::make_copy<T>({elements.begin(), elements.size()})) {}
  template <detail::size_unlike<T> Size>
  explicit RawArray(std::initializer_list<Size>) = delete;  // {n} is a list of one element: for n elements write a(n)

  /// The elements of a range, converted; of a text, its characters without the NUL that ends a literal.
  template <detail::other_than<RawArray> Range>
  requires detail::sequence_for<Range, T>
  explicit RawArray(Range&& elements) : RawArray(detail::make_from<T>(std::forward<Range>(elements))) {}

  RawArray(const RawArray&) = default;
  RawArray& operator=(const RawArray&) = default;
  void operator=(std::initializer_list<T>) = delete;  // to change the elements: a.assign(0, a.size(), {1, 2, 3})

  std::size_t size() const noexcept { return elements_.size; }
  bool empty() const noexcept { return size() == 0; }

  /// The element at `index`; negative ones count from the end. Throws IndexError beyond.
  template <detail::countable Integer>
  T& operator[](Integer index) const {
    return elements_.data[detail::checked_index(index, size())];
  }
  /// A copy of the element at `index`.
  template <detail::countable Integer>
  T at(Integer index) const {
    return data()[detail::checked_index(index, size())];
  }

  T* data() const {
    elements_.object.check();
    return elements_.data;
  }
  T* begin() const { return data(); }
  T* end() const { return data() + size(); }
  /// The elements. Throws StaleHandle when they are gone.
  std::span<T> get_obj() const { return {data(), size()}; }

  /// Python's `a[start:stop:step]`: a vector, or for char a string, of copies. Bounds may be negative, absent (`{}`) or
  /// beyond.
  detail::slice_t<T> slice(detail::SliceIndex start = {}, detail::SliceIndex stop = {},
                           detail::SliceIndex step = {}) const {
    const detail::Slice slice(size(), start, stop, step);
    detail::slice_t<T> copies;
    copies.reserve(slice.size());
    detail::copy_out(data(), slice, copies);
    return copies;
  }

  /// Python's `a[start:stop] = elements`. Throws ValueError unless there are as many as the slice has.
  template <detail::sequence_for<T> Range>
  void assign(detail::SliceIndex start, detail::SliceIndex stop, Range&& elements) const {
    assign(start, stop, {}, std::forward<Range>(elements));
  }
  void assign(detail::SliceIndex start, detail::SliceIndex stop, std::initializer_list<T> elements) const {
    assign(start, stop, {}, std::span<const T>(elements.begin(), elements.size()));
  }
  /// Python's `a[start:stop:step] = elements`.
  template <detail::sequence_for<T> Range>
  void assign(detail::SliceIndex start, detail::SliceIndex stop, detail::SliceIndex step, Range&& elements) const {
    const detail::Slice slice(size(), start, stop, step);
    detail::with_row<T>(std::forward<Range>(elements), [&](std::span<const T> row) {
      detail::require_same_size(slice, row);
      detail::copy_in(data(), slice, row);
    });
  }
  void assign(detail::SliceIndex start, detail::SliceIndex stop, detail::SliceIndex step,
              std::initializer_list<T> elements) const {
    assign(start, stop, step, std::span<const T>(elements.begin(), elements.size()));
  }

  /// Calls `function(elements)`, as Array::with() does under its lock.
  template <std::invocable<std::span<T>> Function>
  decltype(auto) with(Function&& function) const {
    return std::invoke(std::forward<Function>(function), get_obj());
  }

  /// How it is sent: see detail/memory/shared_ref.hpp.
  template <class Archive>
  void serialize(Archive& archive) {
    detail::match_element<T>(archive);
    elements_.object.serialize(archive);
    if constexpr (Archive::loading) {
      const auto elements = detail::elements_in<T>(elements_.object.unchecked());
      elements_.data = elements.data();
      elements_.size = elements.size();
    }
  }

  /// The text of its slice(): `[1, 2, 3]`, or `'text'`.
  friend std::string repr_of(const RawArray& a) { return detail::text_of<detail::Style::repr>(a.slice()); }
  friend std::ostream& operator<<(std::ostream& out, const RawArray& a) { return out << repr_of(a); }

 private:
  friend class Array<T>;
  explicit RawArray(detail::SharedElements<T> elements) : elements_(std::move(elements)) {}

  detail::SharedElements<T> elements_;
};

template <class T>
struct detail::Blank<RawArray<T>> {
  static RawArray<T> make() { return RawArray<T>(0); }
};

template <std::ranges::input_range Range>
RawArray(Range&&) -> RawArray<std::ranges::range_value_t<Range>>;
template <class T>
RawArray(std::initializer_list<T>) -> RawArray<T>;
RawArray(const char*)->RawArray<char>;

}  // namespace multiprocessing
