// SPDX-License-Identifier: BSL-1.0
/// \file
/// Writing durations and times, as Python's datetime.
#pragma once

#include <multiprocessing/pickle/kinds.hpp>
#include <multiprocessing/pickle/writer.hpp>

#include <multiprocessing/detail/core/floating.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string_view>

namespace multiprocessing::detail {

/// The whole microseconds below or at `x`, Python's finest unit.
template <class Duration>
wide_integer microseconds_of(const Duration& x) {
  using Period = typename Duration::period;
  if constexpr (std::floating_point<typename Duration::rep>) {
    const double microseconds = __builtin_floor(std::chrono::duration<double, std::micro>(x).count());
    if (!(magnitude(microseconds) < 1e20))
      throw PicklingError("dumps: a duration is no number, or too long for Python's timedelta");
    return static_cast<wide_integer>(microseconds);
  } else {
    const wide_integer fine = wide_integer{x.count()} * 1'000'000 * Period::num;
    return fine / Period::den - (fine % Period::den < 0 ? 1 : 0);
  }
}

inline wide_integer floor_divide(wide_integer a, wide_integer b) { return a / b - (a % b < 0 ? 1 : 0); }

/// datetime.timedelta(days, seconds, microseconds).
inline void write_timedelta(Writer& writer, wide_integer microseconds) {
  const wide_integer seconds = floor_divide(microseconds, 1'000'000), days = floor_divide(seconds, 86'400);
  if (days < -999'999'999 || days > 999'999'999) {
    throw PicklingError("dumps: a duration of more than 999999999 days, the most that Python's timedelta can hold");
  }
  writer.global("datetime", "timedelta");
  writer.integer(static_cast<std::int64_t>(days));
  writer.integer(static_cast<std::int64_t>(seconds - days * 86'400));
  writer.integer(static_cast<std::int64_t>(microseconds - seconds * 1'000'000));
  writer.code(opcode::TUPLE3);
  writer.code(opcode::REDUCE);
}

template <class Duration>
void write_duration(Writer& writer, const Duration& x) {
  write_timedelta(writer, microseconds_of(x));
}

/// datetime.datetime(packed fields, datetime.timezone.utc).
inline void write_datetime(Writer& writer, wide_integer microseconds) {
  const wide_integer days = floor_divide(microseconds, 86'400'000'000);
  // 0001-01-01 to 9999-12-31.
  if (days < -719'162 || days > 2'932'896)
    throw PicklingError("dumps: a time outside of the years 1 to 9999, which Python's datetime knows");
  const std::chrono::year_month_day date(std::chrono::sys_days(std::chrono::days(static_cast<int>(days))));
  const auto rest = static_cast<std::int64_t>(microseconds - days * 86'400'000'000);
  const auto seconds = rest / 1'000'000, fraction = rest % 1'000'000;
  const auto year = static_cast<int>(date.year());
  const auto octet = [](std::int64_t value) { return static_cast<char>(value & 0xff); };
  const char packed[] = {octet(year >> 8),
                         octet(year),
                         octet(static_cast<unsigned>(date.month())),
                         octet(static_cast<unsigned>(date.day())),
                         octet(seconds / 3600),
                         octet(seconds / 60 % 60),
                         octet(seconds % 60),
                         octet(fraction >> 16),
                         octet(fraction >> 8),
                         octet(fraction)};
  writer.global("datetime", "datetime");
  writer.octets({packed, sizeof packed});
  writer.global("datetime", "timezone");
  write_timedelta(writer, 0);
  writer.code(opcode::TUPLE1);
  writer.code(opcode::REDUCE);
  writer.code(opcode::TUPLE2);
  writer.code(opcode::REDUCE);
}

/// Of the system's clock a datetime in UTC, of any other what passed since its epoch.
template <class Point>
void write_time_point(Writer& writer, const Point& x) {
  const wide_integer microseconds = microseconds_of(x.time_since_epoch());
  calendar_time<Point> ? write_datetime(writer, microseconds) : write_timedelta(writer, microseconds);
}

}  // namespace multiprocessing::detail
