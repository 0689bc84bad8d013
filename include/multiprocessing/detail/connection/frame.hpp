// SPDX-License-Identifier: BSL-1.0
/// \file
/// A frame: a message behind its length, as CPython's connections send it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace multiprocessing::detail {

/// The longest message that can be meant; a longer one is no message but a broken stream.
inline constexpr std::uint64_t longest_message = std::numeric_limits<std::ptrdiff_t>::max() / 2;

/// Four bytes of length, or minus one and eight bytes, as Python writes what is longer than 2 GiB; big-endian.
class FrameHeader {
 public:
  explicit FrameHeader(std::uint64_t size) {
    constexpr std::uint64_t longest_short = 0x7fff'ffff;
    if (size <= longest_short) {
      append(size, 4);
    } else {
      append(0xffff'ffff, 4);
      append(size, 8);
    }
  }

  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  void append(std::uint64_t number, unsigned width) {
    for (unsigned shift = width * 8; shift > 0;) bytes_[size_++] = static_cast<char>(number >> (shift -= 8));
  }

  std::array<char, 12> bytes_;
  std::size_t size_ = 0;
};

/// A whole frame, for messages so short that a copy costs nothing.
inline std::string framed(std::string_view message) {
  return std::string(FrameHeader(message.size()).view()).append(message);
}

}  // namespace multiprocessing::detail
