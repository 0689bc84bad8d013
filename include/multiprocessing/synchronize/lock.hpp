// SPDX-License-Identifier: BSL-1.0
/// \file
/// Lock: mutual exclusion between processes.
#pragma once

#include <multiprocessing/detail/memory/lock_word.hpp>
#include <multiprocessing/detail/memory/shared_ref.hpp>
#include <multiprocessing/detail/synchronize/timed_lockable.hpp>
#include <multiprocessing/time.hpp>

#include <chrono>
#include <ostream>

namespace multiprocessing {

/// A lock that processes share; the counterpart of Python's `multiprocessing.Lock`.
///
/// Not recursive: taking it twice waits for ever. Not owned: anyone may release it, as in Python.
///
/// Shared:  copies refer to one lock; pass them to a Process or capture them in a lambda.
/// Threads: every member may be called from any thread of any process.
/// Fork:    a lock held across fork is held once, by the parent's thread; the child may release it all the same.
/// Death:   when its holder dies, or its holder's thread ends, the next acquire() succeeds, and owner_died() says so until release().
/// Cost:    no system call unless someone waits.
class Lock : public detail::TimedLockable<Lock> {
 public:
  Lock() : state_(detail::SharedRef<detail::LockState>::make(detail::ObjectKind::lock, 0, [](void* at) {
      return new (at) detail::LockState;
    })) {}

  /// Takes the lock, waiting until it is free or `timeout` has passed; returns whether it was taken.
  bool acquire(Timeout timeout = std::nullopt) const { return detail::lock::acquire(detail::this_thread(), *state_, timeout); }

  /// Gives the lock back, whoever holds it. Throws ValueError when nobody does.
  void release() const {
    if (!detail::lock::release(detail::this_thread(), *state_)) throw_not_held();
  }

  /// Whether a living thread holds it.
  bool locked() const { return detail::lock::locked(detail::the_arena(), *state_); }

  /// Whether it is held by one who took it over from a holder that died: what the lock guards may be half changed.
  bool owner_died() const { return detail::lock::owner_died(*state_); }

  /// How it is sent: see detail/memory/shared_ref.hpp.
  template <class Archive>
  void serialize(Archive& archive) {
    state_.serialize(archive);
  }

  /// Whether both refer to one lock.
  friend bool operator==(const Lock&, const Lock&) = default;

  /// Python's `<Lock(owner=...)>` tells the holder's name; here it is the holder's thread, or None.
  friend std::ostream& operator<<(std::ostream& out, const Lock& lock) {
    return detail::lock::describe(out << "<Lock(owner=", detail::the_arena(), *lock.state_) << ")>";
  }

 private:
  friend class Condition;
  detail::LockState& lock_state() const { return *state_; }

  [[noreturn]] static void throw_not_held() {
    throw ValueError("Lock.release: semaphore or lock released too many times: nobody holds it");
  }

  detail::SharedRef<detail::LockState> state_;
};

}  // namespace multiprocessing
