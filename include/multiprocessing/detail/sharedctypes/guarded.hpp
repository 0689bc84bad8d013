// SPDX-License-Identifier: BSL-1.0
/// \file
/// Guarded: an object in the arena together with the lock that guards it.
#pragma once

#include <multiprocessing/sharedctypes/any_lock.hpp>

#include <exception>
#include <optional>

namespace multiprocessing::detail {

/// Refers to an object that begins with a lock of its own, and to the lock that guards it: that one, or another.
class Guarded {
 public:
  explicit Guarded(const SharedRef<RLockState>& object) : object_(object), own_(true), lock_(RLock(object)) {}
  Guarded(const SharedRef<RLockState>& object, const AnyLock& lock) : object_(object), own_(false), lock_(lock) {}

  template <class Archive>
  void serialize(Archive& archive) {
    object_.serialize(archive);
    archive(own_);
    if constexpr (Archive::loading) {
      if (own_) lock_ = AnyLock(RLock(object_));
    }
    if (!own_) lock_.serialize(archive);
  }
  /// The object behind its lock.
  RLockState* object() const noexcept { return object_.unchecked(); }

  /// Throws StaleHandle when the object is gone.
  void check() const { object_.check(); }

  bool acquire(Timeout timeout) const {
    RLockState& own = *object_;
    if (!own_) [[unlikely]]
      return lock_.acquire(timeout);
    return rlock::acquire(this_thread(), own, timeout);
  }

  void release() const { lock_.release(); }

  const AnyLock& get_lock() const { return lock_; }

 private:
  friend class Hold;

  SharedRef<RLockState> object_;
  bool own_;  // whether lock_ is the object's, and can be had without asking which kind it is
  AnyLock lock_;
};

/// Holds the lock of a Guarded for as long as it lives.
class Hold {
 public:
  explicit Hold(const Guarded& guarded) : guarded_(guarded) { guarded.acquire(std::nullopt); }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  ~Hold() {
    // It is not ours any more if what ran meanwhile gave it back, or forked and this is the child: nothing to do then.
    if (guarded_.own_) [[likely]] {
      rlock::release(this_thread(), *guarded_.object_.unchecked());
      return;
    }
    try {
      guarded_.lock_.release();
    } catch (const std::exception&) {
    }
  }

 private:
  const Guarded& guarded_;
};

}  // namespace multiprocessing::detail
