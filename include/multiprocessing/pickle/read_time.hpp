// SPDX-License-Identifier: BSL-1.0
/// \file
/// Reading durations and times, from Python's datetime.
#pragma once

#include <multiprocessing/pickle/kinds.hpp>
#include <multiprocessing/pickle/read_number.hpp>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <limits>
#include <string_view>

namespace multiprocessing::detail {

/// `microseconds` as a `Duration`, if it has that value up to its own precision.
template <class Duration, class View>
Duration duration_from(const View& view, wide_integer microseconds) {
  using Rep = typename Duration::rep;
  using Period = typename Duration::period;
  if constexpr (std::floating_point<Rep>) {
    return Duration(std::chrono::duration<Rep, std::micro>(static_cast<Rep>(microseconds)));
  } else {
    // 10^6 * num fits 64 bits for every period of the standard.
    const wide_integer unit = wide_integer{1'000'000} * Period::num;
    const wide_integer count = microseconds * Period::den / unit;
    if (count < std::numeric_limits<Rep>::min() || count > std::numeric_limits<Rep>::max()) {
      view.refuse_value("a time does not fit the duration that it is read into");
    }
    return Duration(static_cast<Rep>(count));
  }
}

/// The microseconds of a datetime.timedelta(days, seconds, microseconds).
template <class View>
wide_integer timedelta_from(const View& view) {
  if (!is_made_by(view, "datetime", "timedelta") || view.args().size() != 3) view.refuse("a datetime.timedelta");
  const auto part = [&](std::size_t at) { return wide_integer{read_number<std::int64_t>(view.args().item(at))}; };
  const wide_integer days = part(0);
  if (days < -999'999'999 || days > 999'999'999) view.refuse_value("a timedelta of more than 999999999 days");
  return (days * 86'400 + part(1)) * 1'000'000 + part(2);
}

/// What a datetime is ahead of UTC, in microseconds, by its tzinfo.
template <class View>
wide_integer utc_offset_from(const View& tzinfo) {
  if (!is_made_by(tzinfo, "datetime", "timezone") || tzinfo.args().size() == 0) {
    tzinfo.refuse("a datetime.timezone (convert other zones first: t.astimezone(datetime.timezone.utc))");
  }
  return timedelta_from(tzinfo.args().item(0));
}

/// The microseconds since 1970 in UTC of a datetime. One without a zone is local time, as Python's timestamp() takes
/// it.
template <class View>
wide_integer datetime_from(const View& view) {
  const bool is_datetime = is_made_by(view, "datetime", "datetime") && view.args().size() >= 1 &&
                           view.args().item(0).kind() == Kind::bytes && view.args().item(0).text().size() == 10;
  if (!is_datetime) view.refuse("a datetime.datetime");
  const auto packed = view.args().item(0).text();
  const auto byte = [&](std::size_t at) { return static_cast<int>(static_cast<unsigned char>(packed[at])); };
  const int year = byte(0) << 8 | byte(1),
            month = byte(2) & 0x7f;  // its highest bit tells apart the hour that comes twice
  const int day = byte(3), hour = byte(4), minute = byte(5), second = byte(6);
  const int microsecond = byte(7) << 16 | byte(8) << 8 | byte(9);
  const auto date = std::chrono::year(year) / month / day;
  if (year < 1 || !date.ok() || hour > 23 || minute > 59 || second > 59 || microsecond > 999'999) {
    view.refuse_value("a datetime that does not exist");
  }
  if (view.args().size() > 1 && view.args().item(1).kind() != Kind::none) {
    const auto days = std::chrono::sys_days(date).time_since_epoch().count();
    const std::int64_t seconds = ((days * 24LL + hour) * 60 + minute) * 60 + second;
    return wide_integer{seconds} * 1'000'000 + microsecond - utc_offset_from(view.args().item(1));
  }
  std::tm local{};
  local.tm_year = year - 1900;
  local.tm_mon = month - 1;
  local.tm_mday = day;
  local.tm_hour = hour;
  local.tm_min = minute;
  local.tm_sec = second;
  local.tm_isdst = -1;
  return wide_integer{std::mktime(&local)} * 1'000'000 + microsecond;
}

/// A time point: of the system's clock a datetime, of any other what passed since its epoch.
template <class Point, class View>
Point read_time_point(const View& view) {
  const wide_integer microseconds = calendar_time<Point> ? datetime_from(view) : timedelta_from(view);
  return Point(duration_from<typename Point::duration>(view, microseconds));
}

}  // namespace multiprocessing::detail
