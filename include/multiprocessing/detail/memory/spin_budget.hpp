// SPDX-License-Identifier: BSL-1.0
/// \file
/// SpinBudget: how long it pays a thread to look at a word before it sleeps.
#pragma once

#include <algorithm>
#include <chrono>

namespace multiprocessing::detail {

/// Two that answer each other at once must not fall into sleeping by turns: a sleep on another processor costs some 40 us,
/// so a look of 2.5 us never sees the answer to a wake-up, and what has begun to sleep would sleep for ever after. So the budget
/// grows to about the price of a sleep where sleeps turn out short, and shrinks where looking was in vain.
class SpinBudget {
 public:
  static constexpr int least = 100, most = 2000;                    // pauses: 2.5 us and 50 us
  static constexpr std::chrono::microseconds short_sleep{100};      // what a longer look would have spared, wake-up included

  constexpr int pauses() const { return pauses_; }

  /// After a look that saw nothing, and a sleep of `slept`. `from_here`: who woke ran on this processor, and could not have run
  /// while this thread looked.
  constexpr void spun_in_vain(std::chrono::nanoseconds slept, bool from_here) {
    const bool pays = slept < short_sleep && !from_here;
    pauses_ = std::clamp(pays ? pauses_ * 4 : pauses_ / 2, least, most);
  }

 private:
  int pauses_ = least;
};

}  // namespace multiprocessing::detail
