// SPDX-License-Identifier: BSL-1.0
/// \file
/// Integers of any size as pickle stores them: two's complement, little-endian, in as few bytes as can be.
#pragma once

#include <multiprocessing/detail/core/floating.hpp>
#include <multiprocessing/range.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace multiprocessing::detail {

__extension__ using unsigned_wide = unsigned __int128;

inline bool is_negative(std::string_view twos) { return !twos.empty() && (twos.back() & 0x80) != 0; }

/// Without the leading bytes that only repeat the sign; zero is empty.
inline std::string_view trimmed(std::string_view twos) {
  while (!twos.empty()) {
    const bool next_negative = twos.size() > 1 && (twos[twos.size() - 2] & 0x80) != 0;
    if (twos.back() == '\0' && !next_negative) {
      twos.remove_suffix(1);
    } else if (twos.back() == '\xff' && next_negative) {
      twos.remove_suffix(1);
    } else {
      break;
    }
  }
  return twos;
}

/// The value of at most 16 bytes.
inline wide_integer wide_of(std::string_view twos) {
  unsigned_wide value = is_negative(twos) ? ~unsigned_wide{0} : 0;
  if (!twos.empty()) std::memcpy(&value, twos.data(), twos.size());  // x86 and ARM are little-endian
  return static_cast<wide_integer>(value);
}

/// The bytes of a value, untrimmed.
inline std::array<char, 16> twos_of(wide_integer value) {
  std::array<char, 16> bytes;
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

/// An absolute value in words, the lowest first, without leading zeros.
inline std::vector<std::uint32_t> magnitude_of(std::string_view twos) {
  const bool negative = is_negative(twos);
  std::vector<std::uint32_t> words(twos.size() / 4 + 1, negative ? ~0u : 0u);
  if (!twos.empty()) std::memcpy(words.data(), twos.data(), twos.size());
  if (negative) {
    std::uint64_t carry = 1;
    for (auto& word : words) {
      carry += static_cast<std::uint32_t>(~word);
      word = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
  }
  while (!words.empty() && words.back() == 0) words.pop_back();
  return words;
}

inline std::string twos_of(std::vector<std::uint32_t> words, bool negative) {
  words.push_back(0);  // room for the sign
  if (negative) {
    std::uint64_t carry = 1;
    for (auto& word : words) {
      carry += static_cast<std::uint32_t>(~word);
      word = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
  }
  const std::string_view bytes(reinterpret_cast<const char*>(words.data()), words.size() * 4);
  return std::string(trimmed(bytes));
}

/// Python refuses to write longer ones in decimal, whose cost grows with the square.
inline constexpr std::size_t most_decimal_digits = 4300;

/// In decimal; or in hexadecimal, which Python reads just as well, where Python itself would refuse.
inline void append_big_integer(std::string& out, std::string_view twos) {
  auto words = magnitude_of(twos);
  if (is_negative(twos)) out += '-';
  if (words.size() * 32 > most_decimal_digits * 10 / 3) {
    out += "0x";
    char digits[8];
    out.append(digits, std::to_chars(digits, digits + 8, words.back(), 16).ptr);
    for (std::size_t i = words.size() - 1; i-- > 0;) {
      for (unsigned shift = 32; shift > 0;) out += "0123456789abcdef"[words[i] >> (shift -= 4) & 0xf];
    }
    return;
  }
  std::string reversed;
  while (!words.empty()) {
    std::uint64_t rest = 0;
    for (std::size_t i = words.size(); i-- > 0;) {
      rest = rest << 32 | words[i];
      words[i] = static_cast<std::uint32_t>(rest / 1'000'000'000);
      rest %= 1'000'000'000;
    }
    while (!words.empty() && words.back() == 0) words.pop_back();
    for (int digit = 0; digit < 9 && (rest != 0 || !words.empty()); ++digit, rest /= 10) {
      reversed += static_cast<char>('0' + rest % 10);
    }
  }
  if (reversed.empty()) reversed = "0";
  out.append(reversed.rbegin(), reversed.rend());
}

/// From decimal digits with an optional sign; false when `text` is anything else.
inline bool parse_decimal(std::string_view text, std::string& twos) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return false;
  std::vector<std::uint32_t> words;
  while (!text.empty()) {
    const std::size_t count = (text.size() - 1) % 9 + 1;
    std::uint32_t part = 0, scale = 1;
    for (const char digit : text.substr(0, count)) {
      part = part * 10 + static_cast<std::uint32_t>(digit - '0');
      scale *= 10;
    }
    text.remove_prefix(count);
    std::uint64_t carry = part;
    for (auto& word : words) {
      carry += std::uint64_t{word} * scale;
      word = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0) words.push_back(static_cast<std::uint32_t>(carry));
  }
  twos = twos_of(std::move(words), negative);
  return true;
}

inline std::strong_ordering compare_big(std::string_view a, std::string_view b) {
  const bool negative = is_negative(a);
  if (negative != is_negative(b)) return negative ? std::strong_ordering::less : std::strong_ordering::greater;
  // Trimmed, the longer one is farther from zero; of equal length, two's complement orders as unsigned.
  if (a.size() != b.size())
    return (a.size() < b.size()) != negative ? std::strong_ordering::less : std::strong_ordering::greater;
  const auto byte = [](std::string_view x, std::size_t i) { return static_cast<unsigned char>(x[i]); };
  for (std::size_t i = a.size(); i-- > 0;) {
    if (byte(a, i) != byte(b, i)) return byte(a, i) <=> byte(b, i);
  }
  return std::strong_ordering::equal;
}

/// The nearest double, ties to even; infinite beyond.
inline double big_to_double(std::string_view twos) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  const auto words = magnitude_of(twos);
  if (words.empty()) return 0;
  if (words.size() > 40) return is_negative(twos) ? -infinite : infinite;
  // The top three words hold at least 65 bits; whether anything is below them decides ties.
  unsigned_wide top = 0;
  const std::size_t used = std::min<std::size_t>(words.size(), 3);
  for (std::size_t i = 0; i < used; ++i) top = top << 32 | words[words.size() - 1 - i];
  bool below = false;
  for (std::size_t i = 0; i + used < words.size(); ++i) below = below || words[i] != 0;
  if (below) top |= 1;
  const double value = __builtin_ldexp(static_cast<double>(top), static_cast<int>(words.size() - used) * 32);
  return is_negative(twos) ? -value : value;
}

/// The exact value of a whole, finite double.
inline std::string twos_of_double(double whole) {
  int exponent = 0;
  const double fraction = __builtin_frexp(magnitude(whole), &exponent);
  auto mantissa = static_cast<std::uint64_t>(__builtin_ldexp(fraction, 53));
  exponent -= 53;
  if (exponent < 0) {
    mantissa >>= -exponent;  // whole, so these bits are zero
    exponent = 0;
  }
  std::vector<std::uint32_t> words(static_cast<std::size_t>(exponent) / 32, 0);
  const unsigned_wide shifted = unsigned_wide{mantissa} << (exponent % 32);
  for (unsigned shift = 0; shift < 96; shift += 32) words.push_back(static_cast<std::uint32_t>(shifted >> shift));
  return twos_of(std::move(words), has_sign(whole));
}

}  // namespace multiprocessing::detail
