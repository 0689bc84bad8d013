// SPDX-License-Identifier: BSL-1.0
/// \file
/// Numbers as Python writes them.
#pragma once

#include <multiprocessing/detail/core/floating.hpp>

#include <charconv>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

namespace multiprocessing::detail {

template <std::integral Integer>
void append_integer(std::string& out, Integer value) {
  char digits[40];  // 128 bits and a sign
  out.append(digits, std::to_chars(digits, std::end(digits), value).ptr);
}

/// The shortest digits that read back as the same value of the same type, laid out as `repr(float)` does: plain from
/// 1e-4 up to below 1e16. `whole` is what follows a number without fraction: ".0", or nothing inside a complex.
template <std::floating_point Float>
void append_float(std::string& out, Float value, std::string_view whole = ".0") {
  if (is_nan(value)) {
    out += "nan";  // Python shows no sign of it
    return;
  }
  if (has_sign(value)) out += '-';
  value = magnitude(value);
  if (is_infinite(value)) {
    out += "inf";
    return;
  }

  char buffer[64];
  const auto end = std::to_chars(buffer, std::end(buffer), value, std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));  // d.ddde+XX or de+XX
  const std::size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 1) digits += text.substr(2, e - 2);
  int exponent = 0;
  std::from_chars(text.data() + e + 2, end, exponent);
  if (text[e + 1] == '-') exponent = -exponent;

  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (digits.size() > 1) out.append(1, '.').append(digits, 1);
    out += text.substr(e);
  } else if (exponent < 0) {
    out.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
  } else {
    const auto before_point = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() <= before_point) {
      out.append(digits).append(before_point - digits.size(), '0').append(whole);
    } else {
      out.append(digits, 0, before_point).append(1, '.').append(digits, before_point);
    }
  }
}

/// `(1+2j)`, or `2j` when the real part is +0.
template <std::floating_point Float>
void append_complex(std::string& out, Float real, Float imaginary) {
  if (real == 0 && !has_sign(real)) {
    append_float(out, imaginary, "");
    out += 'j';
    return;
  }
  out += '(';
  append_float(out, real, "");
  if (is_nan(imaginary) || !has_sign(imaginary)) out += '+';
  append_float(out, imaginary, "");
  out += "j)";
}

}  // namespace multiprocessing::detail
