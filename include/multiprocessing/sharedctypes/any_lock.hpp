// SPDX-License-Identifier: BSL-1.0
/// \file
/// AnyLock: a Lock or an RLock, whichever guards an object.
#pragma once

#include <multiprocessing/detail/synchronize/timed_lockable.hpp>
#include <multiprocessing/synchronize/lock.hpp>
#include <multiprocessing/synchronize/rlock.hpp>
#include <multiprocessing/time.hpp>

#include <chrono>
#include <ostream>
#include <variant>

namespace multiprocessing {

/// What `get_lock()` of a Value or an Array returns: its own RLock, or the Lock or RLock that it was given.
///
/// Shared, Threads, Fork, Death, Cost: as of the lock that it stands for.
class AnyLock : public detail::TimedLockable<AnyLock> {
 public:
  AnyLock(const Lock& lock) : lock_(lock) {}
  AnyLock(const RLock& lock) : lock_(lock) {}

  /// Takes the lock, waiting until it is free or `timeout` has passed; returns whether it was taken.
  bool acquire(Timeout timeout = std::nullopt) const {
    return std::visit([&](const auto& lock) { return lock.acquire(timeout); }, lock_);
  }

  /// Gives the lock back. Throws ValueError when nobody holds it, and AssertionError when another thread holds an
  /// RLock.
  void release() const {
    std::visit([](const auto& lock) { lock.release(); }, lock_);
  }

  /// Whether a living thread holds it.
  bool locked() const {
    return std::visit([](const auto& lock) { return lock.locked(); }, lock_);
  }

  /// Whether it is held by one who took it over from a holder that died: what the lock guards may be half changed.
  bool owner_died() const {
    return std::visit([](const auto& lock) { return lock.owner_died(); }, lock_);
  }

  /// How it is sent: see detail/memory/shared_ref.hpp.
  template <class Archive>
  void serialize(Archive& archive) {
    bool recursive = std::holds_alternative<RLock>(lock_);
    archive(recursive);
    if constexpr (Archive::loading) {
      if (recursive && !std::holds_alternative<RLock>(lock_)) lock_ = RLock();
      if (!recursive && !std::holds_alternative<Lock>(lock_)) lock_ = Lock();
    }
    std::visit([&](auto& lock) { lock.serialize(archive); }, lock_);
  }

  /// Whether both refer to one lock.
  friend bool operator==(const AnyLock&, const AnyLock&) = default;

  friend std::ostream& operator<<(std::ostream& out, const AnyLock& any) {
    return std::visit([&](const auto& lock) -> std::ostream& { return out << lock; }, any.lock_);
  }

 private:
  std::variant<Lock, RLock> lock_;
};

template <>
struct detail::Blank<AnyLock> {
  static AnyLock make() { return AnyLock(Lock()); }
};

}  // namespace multiprocessing
