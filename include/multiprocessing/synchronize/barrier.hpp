// SPDX-License-Identifier: BSL-1.0
/// \file
/// Barrier: a point at which a number of threads wait for each other.
#pragma once

#include <multiprocessing/detail/memory/shared_ref.hpp>
#include <multiprocessing/detail/synchronize/barrier_state.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/time.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

namespace multiprocessing {

/// A point at which `parties` threads of any processes wait for each other; the counterpart of Python's
/// `multiprocessing.Barrier`.
///
///           wait()                                   abort()   reset()
/// filling   waits; the last one runs the action      broken    broken for those who wait, then filling
///           and lets all go: filling again
/// broken    throws BrokenBarrierError                broken    filling
///
/// Shared:  copies refer to one barrier; the action is the copy's own, as it was when the handle was made or inherited.
/// Threads: every member may be called from any thread of any process.
/// Fork:    who waits across fork waits once, in the parent.
/// Death:   when one who waits dies, the others get BrokenBarrierError; reset() makes the barrier whole. One who dies before
///          wait() has not arrived: a timeout bounds the wait for it.
/// Cost:    one system call a phase for the last to arrive, one for each who sleeps.
class Barrier {
 public:
  /// `action` is run by one thread of each phase before all go; the time that it takes is nobody's timeout. `timeout` is what
  /// wait() without one waits. Throws ValueError for fewer than one party or more than 8191.
  template <std::integral Count>
  explicit Barrier(Count parties, std::function<void()> action = nullptr, Timeout timeout = std::nullopt)
      : state_(detail::BarrierState::make(detail::checked_parties(parties))),
        action_(action ? std::make_shared<std::function<void()>>(std::move(action)) : nullptr),
        timeout_(timeout) {}

  /// Waits until all parties do; returns a number from 0 to parties - 1 that each gets once. Throws BrokenBarrierError when the
  /// barrier is or becomes broken: by abort(), reset(), a timeout, an exception of the action, or a death.
  int wait(Timeout timeout = std::nullopt) const {
    if (timeout.forever()) timeout = timeout_;  // as Python's None
    return static_cast<int>(detail::barrier::wait(detail::this_thread(), *state_, timeout, action_.get()));
  }

  /// Makes the barrier as new; those who wait get BrokenBarrierError.
  void reset() const { detail::barrier::reset(detail::this_thread(), *state_); }
  /// Breaks the barrier: those who wait, or come, get BrokenBarrierError until reset().
  void abort() const { detail::barrier::abort(detail::this_thread(), *state_); }

  int parties() const { return static_cast<int>(state_->parties); }
  /// How many wait now.
  int n_waiting() const { return static_cast<int>(detail::barrier::n_waiting(detail::this_thread(), *state_)); }
  bool broken() const { return detail::barrier::is_broken(detail::this_thread(), *state_); }

  /// How it is sent: see detail/memory/shared_ref.hpp. Throws ValueError when it has an action, which is a function of the
  /// process that made it.
  template <class Archive>
  void serialize(Archive& archive) {
    std::optional<std::int64_t> timeout;
    if constexpr (Archive::loading) {
      state_.serialize(archive);
      archive(timeout);
      timeout_ = timeout ? Timeout(std::chrono::nanoseconds(*timeout)) : Timeout(std::nullopt);
    } else {
      if (action_) throw ValueError("a Barrier with an action can't be sent: the action is a function of this process");
      state_.serialize(archive);
      if (!timeout_.forever()) timeout = timeout_.duration().count();
      archive(timeout);
    }
  }

  /// Whether both refer to one barrier.
  friend bool operator==(const Barrier& a, const Barrier& b) { return a.state_ == b.state_; }

  /// As Python's `<Barrier waiters=0/3>` and `<Barrier broken>`, without the address.
  friend std::ostream& operator<<(std::ostream& out, const Barrier& barrier) {
    if (barrier.broken()) return out << "<Barrier: broken>";
    return out << "<Barrier: waiters=" << barrier.n_waiting() << '/' << barrier.parties() << '>';
  }

 private:
  detail::SharedRef<detail::BarrierState> state_;
  std::shared_ptr<std::function<void()>> action_;
  Timeout timeout_;
};

template <>
struct detail::Blank<Barrier> {
  static Barrier make() { return Barrier(1); }
};

}  // namespace multiprocessing
