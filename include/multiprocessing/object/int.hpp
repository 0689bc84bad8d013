// SPDX-License-Identifier: BSL-1.0
/// \file
/// int_: Python's int.
#pragma once

#include <multiprocessing/object/big_integer.hpp>
#include <multiprocessing/object/members.hpp>
#include <multiprocessing/object/object.hpp>

#include <multiprocessing/errors.hpp>

#include <compare>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace multiprocessing {

/// An object that is an int, of any size: `mp::int_("-123456789012345678901234567890")`. It compares, converts and
/// shows its digits; it does not calculate. `to<long>()` throws ValueError where it does not fit.
class int_ : public object {
 public:
  int_(detail::Known, object known) noexcept : object(std::move(known)) {}
  int_() : object(0) {}
  template <detail::object_number Integer>
  int_(Integer value) : object(value) {}
  /// From decimal digits. Throws ValueError for anything else.
  explicit int_(std::string_view digits) : object(parsed(digits)) {}
  /// Python's `int.from_bytes(twos_complement, 'little', signed=True)`.
  static int_ from_bytes(std::string_view twos_complement) {
    int_ made;
    static_cast<object&>(made) = detail::object_from_twos(twos_complement);
    return made;
  }

  /// Two's complement, little-endian, in as few bytes as can be; none for zero.
  std::string to_bytes() const {
    if (detail::is_big(*this)) return std::string(detail::ObjectAccess::text(*this));
    const auto whole = detail::twos_of(detail::wide_integer{detail::ObjectAccess::integer(*this)});
    return std::string(detail::trimmed({whole.data(), whole.size()}));
  }
  /// The nearest double; infinite beyond.
  double to_double() const { return detail::big_to_double(to_bytes()); }

  friend std::strong_ordering operator<=>(const int_& a, const int_& b) {
    return detail::compare_big(a.to_bytes(), b.to_bytes());
  }
  friend bool operator==(const int_& a, const int_& b) { return detail::equal_numbers(a, b); }

 private:
  static object parsed(std::string_view digits) {
    std::string twos;
    if (!detail::parse_decimal(digits, twos))
      throw ValueError("int_: '" + std::string(digits) + "' is no decimal number");
    return detail::object_from_twos(twos);
  }
};

}  // namespace multiprocessing
