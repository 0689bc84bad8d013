// SPDX-License-Identifier: BSL-1.0
/// \file
/// TimedLockable: the standard library's names for acquire() and release().
#pragma once

#include <multiprocessing/time.hpp>

#include <chrono>

namespace multiprocessing::detail {

/// What is left until `moment`; of one that has passed, a single try. Without a subtraction that could overflow.
template <class Clock, class Duration>
Timeout timeout_until(std::chrono::time_point<Clock, Duration> moment) {
  const auto now = Clock::now();
  return moment > now ? Timeout(moment - now) : Timeout(false);
}

/// Makes a Derived with Python's `acquire(timeout)` and `release()` what `std::scoped_lock`, `std::unique_lock` and
/// `std::lock_guard` take: the standard's TimedLockable. A moment that has passed, or a duration of zero or less, only tries.
template <class Derived>
class TimedLockable {
 public:
  void lock() const { self().acquire(); }
  bool try_lock() const { return self().acquire(false); }
  void unlock() const { self().release(); }
  template <class Rep, class Period>
  bool try_lock_for(std::chrono::duration<Rep, Period> duration) const {
    return self().acquire(duration);
  }
  template <class Clock, class Duration>
  bool try_lock_until(std::chrono::time_point<Clock, Duration> moment) const {
    return self().acquire(timeout_until(moment));
  }

  friend bool operator==(const TimedLockable&, const TimedLockable&) = default;

 private:
  const Derived& self() const { return static_cast<const Derived&>(*this); }
};

}  // namespace multiprocessing::detail
