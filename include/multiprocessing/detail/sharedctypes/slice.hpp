// SPDX-License-Identifier: BSL-1.0
/// \file
/// Python's indices and slices: counted from the end when negative, clipped to what there is.
#pragma once

#include <multiprocessing/errors.hpp>
#include <multiprocessing/range.hpp>

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>

namespace multiprocessing::detail {

/// A bound or the step of a slice: any integer, saturating, or nothing: `{}` or `nullopt`, Python's None.
class SliceIndex {
 public:
  constexpr SliceIndex() = default;
  constexpr SliceIndex(std::nullopt_t) {}
  template <countable Integer>
  constexpr SliceIndex(Integer index) {
    constexpr std::ptrdiff_t most = std::numeric_limits<std::ptrdiff_t>::max();
    // -most at the least, as in Python: so that a step can be negated.
    if (std::cmp_greater(index, most))
      index_ = most;
    else if (std::cmp_less(index, -most))
      index_ = -most;
    else
      index_ = static_cast<std::ptrdiff_t>(index);
  }
  template <countable Integer>
  constexpr SliceIndex(std::optional<Integer> index) {
    if (index) *this = SliceIndex(*index);
  }

  constexpr explicit operator bool() const { return index_.has_value(); }
  constexpr std::ptrdiff_t operator*() const { return *index_; }

 private:
  std::optional<std::ptrdiff_t> index_;
};

/// Which elements `[start:stop:step]` means of a sequence of `size`; as PySlice_AdjustIndices.
class Slice {
 public:
  constexpr Slice(std::size_t size, SliceIndex start, SliceIndex stop, SliceIndex step) : step_(step ? *step : 1) {
    if (step_ == 0) throw ValueError("slice step cannot be zero");
    const auto length = static_cast<std::ptrdiff_t>(size);
    const bool up = step_ > 0;
    const auto clip = [&](SliceIndex index, std::ptrdiff_t absent) {
      if (!index) return absent;
      const std::ptrdiff_t at = *index < 0 ? *index + length : *index;
      if (at < 0) return std::ptrdiff_t{up ? 0 : -1};
      return at < length ? at : up ? length : length - 1;
    };
    start_ = clip(start, up ? 0 : length - 1);
    const std::ptrdiff_t end = clip(stop, up ? length : -1);
    if (up && start_ < end) count_ = static_cast<std::size_t>((end - start_ - 1) / step_ + 1);
    if (!up && end < start_) count_ = static_cast<std::size_t>((start_ - end - 1) / -step_ + 1);
  }

  constexpr std::size_t size() const { return count_; }
  constexpr bool contiguous() const { return step_ == 1; }
  constexpr std::ptrdiff_t start() const { return start_; }
  /// Where its element number `i` lies.
  constexpr std::ptrdiff_t operator[](std::size_t i) const { return start_ + static_cast<std::ptrdiff_t>(i) * step_; }

 private:
  std::ptrdiff_t step_;
  std::ptrdiff_t start_ = 0;
  std::size_t count_ = 0;
};

[[noreturn]] inline void throw_index(const std::string& index, std::size_t size) {
  throw IndexError("invalid index " + index + " of an array of " + std::to_string(size) + " elements");
}

/// Where `index` lies in a sequence of `size`; negative ones count from the end. Throws IndexError beyond.
template <countable Integer>
constexpr std::size_t checked_index(Integer index, std::size_t size) {
  std::size_t at = static_cast<std::size_t>(index);
  // What was negative becomes more than any size when it is still negative; and 64 bits hold every index.
  if constexpr (std::signed_integral<Integer>)
    if (index < 0) at += size;
  if (at >= size) [[unlikely]]
    throw_index(std::to_string(index), size);
  return at;
}

}  // namespace multiprocessing::detail
