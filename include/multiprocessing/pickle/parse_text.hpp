// SPDX-License-Identifier: BSL-1.0
/// \file
/// The instructions of protocol 0, which are lines of text.
#pragma once

#include <multiprocessing/detail/text/quote.hpp>
#include <multiprocessing/object/big_integer.hpp>
#include <multiprocessing/pickle/message.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace multiprocessing::detail {

/// The two's complement of a decimal number. Python refuses longer ones, too, whose cost grows with the square.
inline std::string parse_integer_line(const Message& message, std::string_view line) {
  std::string twos;
  if (line.size() > most_decimal_digits) message.refuse("an integer of more than 4300 digits in decimal");
  if (!parse_decimal(line, twos)) message.refuse("no integer where one is due");
  return twos;
}

inline double parse_float_line(const Message& message, std::string_view line) {
  double value = 0;
  if (line.starts_with('+')) line.remove_prefix(1);
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (error != std::errc() || end != line.data() + line.size()) message.refuse("no float where one is due");
  return value;
}

inline std::uint64_t parse_index_line(const Message& message, std::string_view line) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (error != std::errc() || end != line.data() + line.size()) message.refuse("no index where one is due");
  return value;
}

/// Takes a hexadecimal number of exactly `digits` digits off the front.
inline char32_t take_hex(const Message& message, std::string_view& text, std::size_t digits) {
  unsigned code = 0;
  const char* const begin = text.data();
  if (text.size() < digits || std::from_chars(begin, begin + digits, code, 16).ptr != begin + digits) {
    message.refuse("a broken escape in a str");
  }
  text.remove_prefix(digits);
  return code;
}

/// Python's raw-unicode-escape: Latin-1, and \uXXXX and \UXXXXXXXX for the rest.
inline std::string parse_unicode_line(const Message& message, std::string_view line) {
  std::string out;
  const auto append = [&](char32_t code) {
    if (code > 0x10ffff) message.refuse("a code point beyond Unicode");
    append_utf8(out, code);
  };
  while (!line.empty()) {
    const unsigned char first = byte_at(line, 0);
    const char kind = line.size() > 1 ? line[1] : '\0';
    if (first == '\\' && (kind == 'u' || kind == 'U')) {
      line.remove_prefix(2);
      append(take_hex(message, line, kind == 'u' ? 4 : 8));
    } else {
      append(first);
      line.remove_prefix(1);
    }
  }
  return out;
}

/// A string of Python 2 in quotes. As Python does by default, only ASCII is taken.
inline std::string parse_string_line(const Message& message, std::string_view line) {
  const char quote = line.empty() ? '\0' : line.front();
  if (line.size() < 2 || (quote != '\'' && quote != '"') || line.back() != quote)
    message.refuse("a str without quotes");
  line = line.substr(1, line.size() - 2);
  std::string out;
  while (!line.empty()) {
    char c = line.front();
    line.remove_prefix(1);
    if (c == '\\') {
      if (line.empty()) message.refuse("a broken escape in a str");
      c = line.front();
      line.remove_prefix(1);
      switch (c) {
        case 'n': c = '\n'; break;
        case 'r': c = '\r'; break;
        case 't': c = '\t'; break;
        case 'x': c = static_cast<char>(take_hex(message, line, 2)); break;
        case '\\':
        case '\'':
        case '"': break;
        default: message.refuse("an unknown escape in a str");
      }
    }
    if ((c & 0x80) != 0) message.refuse("a str of Python 2 is not ASCII");
    out += c;
  }
  return out;
}

}  // namespace multiprocessing::detail
