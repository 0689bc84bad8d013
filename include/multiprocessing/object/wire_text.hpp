// SPDX-License-Identifier: BSL-1.0
/// \file
/// Text as pickle has it: UTF-8 in which lone surrogates may stand.
#pragma once

#include <multiprocessing/detail/text/quote.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace multiprocessing::detail {

/// A C++ string may hold any bytes; a Python str holds code points. A byte that is no part of UTF-8 is sent as the lone
/// surrogate U+DC00 + byte, as Python's own os.fsdecode does, and comes back as that byte: nothing is lost, either way.

/// The length of the leading bytes that are ASCII.
inline std::size_t ascii_prefix(std::string_view text) {
  std::size_t at = 0;
  for (std::uint64_t word; at + 8 <= text.size(); at += 8) {
    std::memcpy(&word, text.data() + at, 8);
    if ((word & 0x8080808080808080) != 0) break;
  }
  while (at < text.size() && (text[at] & 0x80) == 0) ++at;
  return at;
}

inline unsigned char byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

/// The length of the code point at the front, which is not ASCII; 0 when its bytes are not UTF-8. Surrogates count as
/// code points.
inline std::size_t code_length(std::string_view text) {
  const unsigned char first = byte_at(text, 0);
  const std::size_t length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte_at(text, i) & 0xc0) != 0x80) return 0;
  }
  const unsigned char second = byte_at(text, 1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
    return 0;
  return length;
}

inline bool is_wire_text(std::string_view text) {
  for (;;) {
    text.remove_prefix(ascii_prefix(text));
    if (text.empty()) return true;
    const std::size_t length = code_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
}

/// Whether the three bytes at `at` are the surrogate that stands for a byte: U+DC80 to U+DCFF.
inline bool is_escaped_byte(std::string_view text, std::size_t at) {
  return at + 3 <= text.size() && byte_at(text, at) == 0xed && (byte_at(text, at + 1) & 0xfe) == 0xb2;
}

/// Where a C++ string has to be changed to become wire text: at bytes that are not UTF-8, and at what would look like
/// one that was changed.
inline bool needs_escape(std::string_view text) {
  return !is_wire_text(text) || text.find("\xed\xb2") != text.npos || text.find("\xed\xb3") != text.npos;
}

inline std::string to_wire(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  for (;;) {
    const std::size_t plain = ascii_prefix(text);
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) return out;
    const std::size_t length = is_escaped_byte(text, 0) ? 0 : code_length(text);
    if (length == 0) append_utf8(out, 0xdc00u + byte_at(text, 0));
    out += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

inline std::string from_wire(std::string_view text) {
  std::size_t at = text.find('\xed');
  while (at != text.npos && !is_escaped_byte(text, at)) at = text.find('\xed', at + 1);
  if (at == text.npos) return std::string(text);
  std::string out;
  out.reserve(text.size());
  for (at = 0; at < text.size(); ++at) {
    if (is_escaped_byte(text, at)) {
      out += static_cast<char>((byte_at(text, at + 1) & 1) << 6 | (byte_at(text, at + 2) & 0x3f) | 0x80);
      at += 2;
    } else {
      out += text[at];
    }
  }
  return out;
}

/// Python's `len(text)`.
inline std::size_t code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (c & 0xc0) != 0x80 ? 1 : 0;
  return count;
}

/// The code points of wire text, surrogates among them.
inline std::u32string codes_of(std::string_view text) {
  std::u32string codes;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t first = byte_at(text, at);
    const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    char32_t code = length == 1 ? first : first & (0x7fu >> length);
    for (std::size_t i = 1; i < length; ++i) code = code << 6 | (byte_at(text, at + i) & 0x3fu);
    codes += code;
    at += length;
  }
  return codes;
}

inline void append_wire_quoted(std::string& out, std::string_view text) {
  if (text.find('\xed') == text.npos) {
    append_quoted(out, text);
  } else {
    append_quoted(out, std::u32string_view(codes_of(text)));
  }
}

}  // namespace multiprocessing::detail
