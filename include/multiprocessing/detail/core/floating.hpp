// SPDX-License-Identifier: BSL-1.0
/// \file
/// What is asked of floating-point numbers, without <cmath>: its special functions would take every unit of a program a
/// twentieth of the time that it compiles.
#pragma once

#include <concepts>

namespace multiprocessing::detail {

template <std::floating_point Float>
constexpr bool is_nan(Float x) {
  return __builtin_isnan(x);
}
template <std::floating_point Float>
constexpr bool is_infinite(Float x) {
  return __builtin_isinf(x);
}
/// Of zeros and nans, too.
template <std::floating_point Float>
constexpr bool has_sign(Float x) {
  return __builtin_signbit(x);
}
template <std::floating_point Float>
constexpr Float magnitude(Float x) {
  return has_sign(x) ? -x : x;
}

/// Whether it is a whole number, and so finite.
inline bool is_whole(double x) { return !is_infinite(x) && __builtin_trunc(x) == x; }

}  // namespace multiprocessing::detail
