// SPDX-License-Identifier: BSL-1.0
/// \file
/// Timeout: how long a call may wait.
#pragma once

#include <multiprocessing/errors.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <optional>

namespace multiprocessing {

/// How long to wait: any `std::chrono` duration (saturating; zero or less tries once), absent for ever, or exactly a
/// bool, which is Python's `block`. A bare number has no unit and does not compile;
/// NaN throws ValueError.
class Timeout {
 public:
  constexpr Timeout() = default;
  constexpr Timeout(std::nullopt_t) {}

  template <class Rep, class Period>
  constexpr Timeout(std::chrono::duration<Rep, Period> duration) : wait_(saturated(duration)) {}

  template <class Duration>
  constexpr Timeout(std::optional<Duration> duration) {
    if (duration) *this = Timeout(*duration);
  }

  template <std::same_as<bool> Bool>
  constexpr Timeout(Bool block) {
    if (!block) wait_ = std::chrono::nanoseconds::zero();
  }

  template <class Number>
    requires((std::integral<Number> && !std::same_as<Number, bool>) || std::floating_point<Number>)
  Timeout(Number) = delete;  // a bare number has no unit: write 5s, 0.5s or 10ms (using namespace std::chrono_literals)

  /// Whether it never ends.
  constexpr bool forever() const { return !wait_; }
  /// Whether it only tries.
  constexpr bool zero() const { return wait_ && wait_->count() == 0; }
  /// What it allows; `nanoseconds::max()` for ever.
  constexpr std::chrono::nanoseconds duration() const { return wait_.value_or(std::chrono::nanoseconds::max()); }

 private:
  template <class Rep, class Period>
  static constexpr std::optional<std::chrono::nanoseconds> saturated(std::chrono::duration<Rep, Period> duration) {
    using wide = std::chrono::duration<long double, std::nano>;
    // Beyond a century the clock's own arithmetic would overflow; nobody can tell it from for ever.
    constexpr wide century = std::chrono::hours(24 * 36525);
    const wide exact = duration;
    if (exact >= century) return std::nullopt;
    if (exact != exact) throw ValueError("Invalid value NaN (not a number): it is no time to wait");
    if (exact <= wide::zero()) return std::chrono::nanoseconds::zero();
    // Rounded up: a wait may never be shorter than what was asked, and 0.1ns is not a try.
    return std::chrono::ceil<std::chrono::nanoseconds>(exact);
  }

  std::optional<std::chrono::nanoseconds> wait_;
};

namespace detail {

/// The moment at which a Timeout that starts now has passed; made once per call.
class Deadline {
 public:
  using clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, which the futex calls understand

  explicit Deadline(Timeout timeout) {
    if (!timeout.forever()) at_ = clock::now() + timeout.duration();
  }

  bool forever() const { return at_ == never; }
  bool passed() const { return !forever() && clock::now() >= at_; }
  /// What is left, never less than zero; `nanoseconds::max()` for ever.
  std::chrono::nanoseconds left() const {
    if (forever()) return std::chrono::nanoseconds::max();
    return std::max(std::chrono::nanoseconds::zero(), std::chrono::nanoseconds(at_ - clock::now()));
  }
  /// The earlier of this moment and `limit` from now.
  clock::time_point at_most(std::chrono::nanoseconds limit) const { return std::min(at_, clock::now() + limit); }

 private:
  static constexpr clock::time_point never = clock::time_point::max();

  clock::time_point at_ = never;
};

}  // namespace detail

}  // namespace multiprocessing
