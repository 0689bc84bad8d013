// SPDX-License-Identifier: BSL-1.0
/// \file
/// What `send_bytes` takes and `recv_bytes_into` fills: any memory that is bytes side by side.
#pragma once

#include <multiprocessing/errors.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>

namespace multiprocessing::detail {

/// Elements side by side that are their bytes: Python's bytes-like objects.
template <class Range>
concept bytes_like = std::ranges::contiguous_range<Range> && std::ranges::sized_range<Range> &&
    (std::is_arithmetic_v<std::ranges::range_value_t<Range>> ||
     std::same_as<std::ranges::range_value_t<Range>, std::byte>);

/// Text, bytes, or numbers in an array, to be read; a C string without its terminator.
class SourceBuffer {
 public:
  template <class Range>
    requires std::convertible_to<const Range&, std::string_view> || bytes_like<const Range>
  SourceBuffer(const Range& range) {
    if constexpr (bytes_like<const Range> && !std::is_array_v<Range>) {
      const auto bytes = std::as_bytes(std::span(std::ranges::data(range), std::ranges::size(range)));
      view_ = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    } else if constexpr (std::convertible_to<const Range&, std::string_view>) {
      view_ = range;
    } else {
      const auto bytes = std::as_bytes(std::span(range));
      view_ = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
  }

  std::string_view view() const { return view_; }
  /// `size` bytes from `offset`; throws as Python's send_bytes does.
  std::string_view part(std::ptrdiff_t offset, std::optional<std::ptrdiff_t> size) const;

 private:
  std::string_view view_;
};

inline std::string_view SourceBuffer::part(std::ptrdiff_t offset, std::optional<std::ptrdiff_t> size) const {
  const auto whole = static_cast<std::ptrdiff_t>(view_.size());
  if (offset < 0) throw ValueError("send_bytes: offset is negative");
  if (whole < offset) throw ValueError("send_bytes: buffer length < offset");
  if (size && *size < 0) throw ValueError("send_bytes: size is negative");
  if (size && *size > whole - offset) throw ValueError("send_bytes: buffer length < offset + size");
  return view_.substr(static_cast<std::size_t>(offset), static_cast<std::size_t>(size.value_or(whole - offset)));
}

/// Bytes or numbers in an array, to be overwritten.
class TargetBuffer {
 public:
  template <class Range>
    requires bytes_like<std::remove_reference_t<Range>> &&
             (!std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<Range>>>)
  TargetBuffer(Range&& range)
      : bytes_(std::as_writable_bytes(std::span(std::ranges::data(range), std::ranges::size(range)))) {}

  /// What lies behind `offset`; throws as Python's recv_bytes_into does.
  std::span<std::byte> from(std::ptrdiff_t offset) const {
    if (offset < 0) throw ValueError("recv_bytes_into: negative offset");
    if (offset > static_cast<std::ptrdiff_t>(bytes_.size())) throw ValueError("recv_bytes_into: offset too large");
    return bytes_.subspan(static_cast<std::size_t>(offset));
  }

 private:
  std::span<std::byte> bytes_;
};

}  // namespace multiprocessing::detail
