// SPDX-License-Identifier: BSL-1.0
/// \file
/// Semaphore: a count of permits that processes share.
#pragma once

#include <multiprocessing/detail/memory/shared_ref.hpp>
#include <multiprocessing/detail/synchronize/semaphore_slow.hpp>
#include <multiprocessing/detail/synchronize/timed_lockable.hpp>
#include <multiprocessing/time.hpp>

#include <chrono>
#include <concepts>
#include <ostream>
#include <string>
#include <utility>

namespace multiprocessing {

/// A count of permits that processes share; the counterpart of Python's `multiprocessing.Semaphore`.
///
/// Anyone may release, also without having acquired. As long as every release comes from a thread that holds permits the
/// semaphore guards a *resource*; the first other release makes it a *signal*, as between producers and consumers, for good.
///
/// Shared:  copies refer to one semaphore; pass them to a Process or capture them in a lambda.
/// Threads: every member may be called from any thread of any process.
/// Fork:    permits held across fork are held once, by the parent's thread.
/// Death:   of a resource, the permits of a killed holder come back; should somebody release them all the same, what
///          would go beyond the initial value is absorbed. Of a signal, nothing comes back. A process or
///          thread that ends in order takes its permits with it, as in Python.
///          Beyond 126 threads that hold permits at once it counts as a signal.
/// Cost:    no system call unless someone waits.
class Semaphore : public detail::TimedLockable<Semaphore> {
 public:
  /// Throws ValueError for a negative value.
  template <std::integral Count = int>
  requires(!std::same_as<Count, bool>) explicit Semaphore(Count value = 1)
      : Semaphore(detail::checked_permits("Semaphore", value), detail::SemaphoreState::unbounded) {}

  /// Takes a permit, waiting until there is one or `timeout` has passed; returns whether it was taken.
  bool acquire(Timeout timeout = std::nullopt) const {
    return detail::semaphore::acquire(detail::this_thread(), *state_, timeout);
  }

  /// Gives `count` permits back, at least 1.
  template <std::integral Count = int>
  void release(Count count = 1) const {
    if (std::cmp_less(count, 1) || std::cmp_greater(count, detail::SemaphoreState::most))
      throw ValueError("Semaphore.release: n must be one or more, and at most 2147483647, not " + std::to_string(count));
    detail::semaphore::release(detail::this_thread(), *state_, static_cast<std::uint32_t>(count));
  }

  /// How many permits are there to be taken now.
  int get_value() const { return static_cast<int>(detail::semaphore::value(detail::this_thread(), *state_)); }

  /// Whether acquire() would wait.
  bool locked() const { return get_value() == 0; }

  /// How it is sent: see detail/memory/shared_ref.hpp.
  template <class Archive>
  void serialize(Archive& archive) {
    state_.serialize(archive);
  }

  /// Whether both refer to one semaphore.
  friend bool operator==(const Semaphore&, const Semaphore&) = default;

  /// Python's `<Semaphore(value=1)>`.
  friend std::ostream& operator<<(std::ostream& out, const Semaphore& semaphore) {
    return out << "<Semaphore(value=" << semaphore.get_value() << ")>";
  }

 protected:
  Semaphore(std::uint32_t value, std::uint32_t bound)
      : state_(detail::SharedRef<detail::SemaphoreState>::make(detail::ObjectKind::semaphore, 0, [&](void* at) {
          return new (at) detail::SemaphoreState(value, bound);
        })) {}

  detail::SharedRef<detail::SemaphoreState> state_;
};

/// A Semaphore that never holds more permits than it began with; the counterpart of Python's
/// `multiprocessing.BoundedSemaphore`. A release() beyond that throws ValueError and changes nothing.
class BoundedSemaphore : public Semaphore {
 public:
  /// Throws ValueError for a negative value.
  template <std::integral Count = int>
  requires(!std::same_as<Count, bool>) explicit BoundedSemaphore(Count value = 1)
      : Semaphore(detail::checked_permits("BoundedSemaphore", value), static_cast<std::uint32_t>(value)) {}

  /// Python's `<BoundedSemaphore(value=1, maxvalue=1)>`.
  friend std::ostream& operator<<(std::ostream& out, const BoundedSemaphore& semaphore) {
    return out << "<BoundedSemaphore(value=" << semaphore.get_value() << ", maxvalue=" << semaphore.state_->bound
               << ")>";
  }
};

}  // namespace multiprocessing
