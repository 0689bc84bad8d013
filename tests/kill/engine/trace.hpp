// SPDX-License-Identifier: BSL-1.0
/// \file
/// Trace: the addresses that an undisturbed victim visited, and the short way to one of its points.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <unordered_map>

namespace kill_test {

/// In shared memory; records the first million steps.
class Trace {
 public:
  struct Jump {
    std::uint64_t step;  ///< the point that the jump leads to
    std::uintptr_t address;
    std::uint64_t occurrence;
  };

  void clear() { size_ = 0; }

  /// `address` is 0 where the victim slept.
  void add(std::uintptr_t address) {
    if (size_ < steps_.size()) steps_[size_++].address = address;
  }

  /// Makes it ready for jump_to().
  void count_visits() {
    std::unordered_map<std::uintptr_t, std::uint64_t> visits;
    for (std::uint64_t i = 0; i < size_; ++i) steps_[i].visits = ++visits[steps_[i].address];
  }

  std::uint64_t size() const { return size_; }

  /// The cheapest breakpoint to run to before `point` is reached by steps; {0, 0, 0} when steps alone are as cheap.
  Jump jump_to(std::uint64_t point) const {
    constexpr std::uint64_t visit_cost = 4;  // in steps
    Jump best{};
    std::uint64_t best_cost = point;
    for (std::uint64_t i = std::min(point + 1, size_); i-- > 0 && point - i < best_cost;) {
      const std::uint64_t cost = point - i + steps_[i].visits * visit_cost;
      if (steps_[i].address == 0 || cost >= best_cost) continue;
      best_cost = cost;
      best = {i, steps_[i].address, steps_[i].visits};
    }
    return best;
  }

 private:
  struct Visit {
    std::uintptr_t address;
    std::uint64_t visits;  ///< of that address so far, this one included
  };

  std::uint64_t size_ = 0;
  std::array<Visit, 1u << 20> steps_;
};

}  // namespace kill_test
