// SPDX-License-Identifier: BSL-1.0
/// \file
/// range: Python's arithmetic progressions of integers.
#pragma once

#include <multiprocessing/errors.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

namespace multiprocessing {

namespace detail {

/// The integers that count: no bool and no characters, as Python's range('a') is a TypeError.
template <class T>
concept countable = std::integral<T> && sizeof(T) <= 8 && !std::same_as<T, bool> && !std::same_as<T, char> &&
                    !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> && !std::same_as<T, char16_t> &&
                    !std::same_as<T, char32_t> && std::same_as<T, std::remove_cv_t<T>>;

/// Holds the difference of any two 64-bit integers, signed or not.
__extension__ using wide_integer = __int128;

}  // namespace detail

/// Python's `range`: the integers from `start` (included) to `stop` (excluded), `step` apart.
///
/// The bounds may be of different integer types and need not fit `T`; only the elements must, else ValueError is
/// thrown: `range(v.size() - 1, -1, -1)` counts down to 0. Elements are made as they are read; nothing is stored.
template <detail::countable T>
class range {
 public:
  class iterator;
  using const_iterator = iterator;
  using value_type = T;
  using size_type = std::size_t;

  constexpr explicit range(T stop) : range(T{0}, stop) {}

  template <detail::countable Start, detail::countable Stop>
  constexpr range(Start start, Stop stop) : range(start, stop, 1) {}

  template <detail::countable Start, detail::countable Stop, detail::countable Step>
  constexpr range(Start start, Stop stop, Step step) : start_(start), stop_(stop), step_(step) {
    if (step == 0) throw ValueError("range() arg 3 must not be zero");
    const wide count = step_ > 0 ? (stop_ - start_ + step_ - 1) / step_ : (start_ - stop_ - step_ - 1) / -step_;
    if (count <= 0) return;
    require_fits(start_);
    require_fits(start_ + (count - 1) * step_);
    if (count > static_cast<wide>(std::numeric_limits<std::size_t>::max())) {
      throw ValueError("range: more elements than std::size_t can count");
    }
    size_ = static_cast<std::size_t>(count);
  }

  constexpr iterator begin() const { return {static_cast<T>(start_), static_cast<std::uint64_t>(step_), size_}; }
  constexpr iterator end() const { return {}; }
  constexpr std::size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }

  /// The element at `index`; negative ones count from the end. Throws IndexError beyond.
  template <detail::countable Index>
  constexpr T operator[](Index index) const {
    const wide size = static_cast<wide>(size_);
    const wide at = index < 0 ? index + size : static_cast<wide>(index);
    if (at < 0 || at >= size) throw IndexError("range object index out of range");
    return static_cast<T>(start_ + at * step_);
  }

  /// Python's `value in range`, in constant time.
  template <detail::countable Value>
  constexpr bool contains(Value value) const {
    const wide distance = static_cast<wide>(value) - start_;
    return distance % step_ == 0 && distance / step_ >= 0 && distance / step_ < static_cast<wide>(size_);
  }

  /// A container with these elements: `std::vector<int> numbers(mp::range(10))`.
  template <class Container>
  requires(std::convertible_to<T, typename Container::value_type>&&
               std::constructible_from<Container, iterator, iterator>) constexpr explicit
  operator Container() const {
    return Container(begin(), end());
  }

  /// Whether both have the same elements, however they were written, as in Python.
  template <class Other>
  friend constexpr bool operator==(const range& a, const range<Other>& b) {
    if (a.size() != b.size()) return false;
    if (a.empty()) return true;
    return std::cmp_equal(a[0], b[0]) && std::cmp_equal(a[-1], b[-1]);
  }

  /// Python's text: `range(0, 10)`, `range(0, 10, 2)`.
  template <class Traits>
  friend std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream, const range& r) {
    std::string text = "range(" + digits(r.start_) + ", " + digits(r.stop_);
    if (r.step_ != 1) text += ", " + digits(r.step_);
    return stream << text + ")";
  }

 private:
  using wide = detail::wide_integer;

  static std::string digits(wide value) {
    return value < 0 ? std::to_string(static_cast<long long>(value))
                     : std::to_string(static_cast<unsigned long long>(value));
  }

  static constexpr void require_fits(wide element) {
    if (element >= static_cast<wide>(std::numeric_limits<T>::min()) &&
        element <= static_cast<wide>(std::numeric_limits<T>::max())) {
      return;
    }
    throw ValueError("range: the element " + digits(element) +
                     " does not fit the type of the elements; name a wider one, as in range<long long>(...)");
  }

  wide start_;
  wide stop_;
  wide step_;
  std::size_t size_ = 0;
};

template <class Stop>
range(Stop) -> range<Stop>;
template <class Start, class Stop>
range(Start, Stop) -> range<std::common_type_t<Start, Stop>>;
template <class Start, class Stop, class Step>
range(Start, Stop, Step) -> range<std::common_type_t<Start, Stop>>;

/// Walks a range. It counts what is left instead of comparing values, and its last step wraps around in unsigned
/// arithmetic: no element type overflows, whatever its limits.
template <detail::countable T>
class range<T>::iterator {
 public:
  using value_type = T;
  using difference_type = std::ptrdiff_t;
  using reference = T;
  using pointer = void;
  using iterator_concept = std::forward_iterator_tag;
  using iterator_category = std::input_iterator_tag;  // C++17 wants a forward iterator to refer to an object

  constexpr iterator() = default;

  constexpr T operator*() const { return at_; }
  constexpr iterator& operator++() {
    at_ = static_cast<T>(static_cast<std::uint64_t>(at_) + step_);
    --left_;
    return *this;
  }
  constexpr iterator operator++(int) {
    iterator before = *this;
    ++*this;
    return before;
  }
  friend constexpr bool operator==(const iterator& a, const iterator& b) { return a.left_ == b.left_; }

 private:
  friend class range;
  constexpr iterator(T at, std::uint64_t step, std::size_t left) : at_(at), step_(step), left_(left) {}

  T at_ = 0;
  std::uint64_t step_ = 0;
  std::size_t left_ = 0;
};

}  // namespace multiprocessing
