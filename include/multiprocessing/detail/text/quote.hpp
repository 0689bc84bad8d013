// SPDX-License-Identifier: BSL-1.0
/// \file
/// Strings and bytes in quotes, as Python's `repr` writes them.
#pragma once

#include <multiprocessing/detail/text/printable.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

namespace multiprocessing::detail {

template <class T>
concept character = std::is_same_v<T, char> || std::is_same_v<T, wchar_t> || std::is_same_v<T, char8_t> ||
    std::is_same_v<T, char16_t> || std::is_same_v<T, char32_t>;

constexpr bool is_surrogate(char32_t code) { return code >= 0xd800 && code <= 0xdfff; }

/// Takes the next code point off `text`, which is UTF-8. A byte that is none becomes a lone surrogate, U+DC80 to
/// U+DCFF: Python's `surrogateescape`.
template <class Char>
requires(sizeof(Char) == 1) constexpr char32_t take_code(std::basic_string_view<Char>& text) {
  const auto byte = [&](std::size_t i) { return char32_t{static_cast<unsigned char>(text[i])}; };
  const char32_t first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xc2 ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
  char32_t code = length <= 1 ? first : first & (0x7fu >> length);
  bool valid = length != 0 && length <= text.size();
  for (std::size_t i = 1; valid && i < length; ++i) {
    valid = (byte(i) & 0xc0) == 0x80;
    code = code << 6 | (byte(i) & 0x3f);
  }
  // Too long a form, a surrogate, or beyond Unicode.
  if (length == 3 && (code < 0x800 || is_surrogate(code))) valid = false;
  if (length == 4 && (code < 0x10000 || code > 0x10ffff)) valid = false;
  text.remove_prefix(valid ? length : 1);
  return valid ? code : 0xdc00 + first;
}

/// The same for UTF-16 and UTF-32; surrogates without their other half stay as they are.
template <class Char>
requires(sizeof(Char) > 1) constexpr char32_t take_code(std::basic_string_view<Char>& text) {
  auto code = static_cast<char32_t>(text[0]);
  text.remove_prefix(1);
  if (sizeof(Char) == 2 && code >= 0xd800 && code < 0xdc00 && !text.empty()) {
    const auto low = static_cast<char32_t>(text[0]);
    if (low >= 0xdc00 && low <= 0xdfff) {
      text.remove_prefix(1);
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
  }
  return code <= 0x10ffff ? code : 0xfffd;
}

inline void append_utf8(std::string& out, char32_t code) {
  const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

/// A backslash, `letter`, and `code` in `width` hexadecimal digits.
inline void append_hex_escape(std::string& out, char letter, char32_t code, unsigned width) {
  out.append(1, '\\').append(1, letter);
  for (unsigned i = width; i-- > 0;) out += "0123456789abcdef"[code >> (4 * i) & 0xf];
}

/// Appends what ASCII allows: itself, or its escape. Returns false for codes above.
inline bool append_ascii(std::string& out, char32_t code, char quote) {
  if (code >= 0x80) return false;
  switch (code) {
    case '\t': out += "\\t"; return true;
    case '\n': out += "\\n"; return true;
    case '\r': out += "\\r"; return true;
    case '\\': out += "\\\\"; return true;
    default: break;
  }
  if (code < 0x20 || code == 0x7f) {
    append_hex_escape(out, 'x', code, 2);
  } else {
    if (code == static_cast<unsigned char>(quote)) out += '\\';
    out += static_cast<char>(code);
  }
  return true;
}

/// Python prefers single quotes, unless that alone would need escapes.
template <class Char>
constexpr char quote_for(std::basic_string_view<Char> text) {
  return text.find(Char{'\''}) != text.npos && text.find(Char{'"'}) == text.npos ? '"' : '\'';
}

template <class Char>
void append_quoted(std::string& out, std::basic_string_view<Char> text) {
  const char quote = quote_for(text);
  out += quote;
  while (!text.empty()) {
    const char32_t code = take_code(text);
    if (append_ascii(out, code, quote)) continue;
    if (is_printable(code)) {
      append_utf8(out, code);
    } else if (code <= 0xff) {
      append_hex_escape(out, 'x', code, 2);
    } else if (code <= 0xffff) {
      append_hex_escape(out, 'u', code, 4);
    } else {
      append_hex_escape(out, 'U', code, 8);
    }
  }
  out += quote;
}

/// The text itself, in UTF-8. Bytes pass as they are, valid or not; half a surrogate pair has no UTF-8 and becomes
/// U+FFFD.
template <class Char>
void append_plain(std::string& out, std::basic_string_view<Char> text) {
  if constexpr (sizeof(Char) == 1) {
    out.append(reinterpret_cast<const char*>(text.data()), text.size());
  } else {
    while (!text.empty()) {
      const char32_t code = take_code(text);
      append_utf8(out, is_surrogate(code) ? 0xfffd : code);
    }
  }
}

/// `b'...'`
inline void append_bytes(std::string& out, std::string_view bytes) {
  const char quote = quote_for(bytes);
  out.append(1, 'b').append(1, quote);
  for (const char c : bytes) {
    const char32_t byte = static_cast<unsigned char>(c);
    if (!append_ascii(out, byte, quote)) append_hex_escape(out, 'x', byte, 2);
  }
  out += quote;
}

}  // namespace multiprocessing::detail
