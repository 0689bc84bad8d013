// SPDX-License-Identifier: BSL-1.0
/// \file
/// The clock of the harness: CLOCK_MONOTONIC in nanoseconds, comparable between processes.
#pragma once

#include <time.h>

#include <cerrno>
#include <cstdint>

namespace kill_test {

using Nanoseconds = std::int64_t;

inline constexpr Nanoseconds microsecond = 1000;
inline constexpr Nanoseconds millisecond = 1000 * microsecond;
inline constexpr Nanoseconds second = 1000 * millisecond;

inline timespec to_timespec(Nanoseconds duration) {
  return {.tv_sec = static_cast<time_t>(duration / second), .tv_nsec = static_cast<long>(duration % second)};
}

inline Nanoseconds now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return Nanoseconds{time.tv_sec} * second + time.tv_nsec;
}

inline void nap(Nanoseconds duration) {
  timespec left = to_timespec(duration);
  while (::nanosleep(&left, &left) == -1 && errno == EINTR) {
  }
}

}  // namespace kill_test
