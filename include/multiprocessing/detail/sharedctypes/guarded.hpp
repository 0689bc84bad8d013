// SPDX-License-Identifier: BSL-1.0
/// \file
/// Guarded: an object in the arena together with the lock that guards it.
#pragma once

#include <multiprocessing/errors.hpp>
#include <multiprocessing/sharedctypes/any_lock.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace multiprocessing::detail {

/// Refers to an object that begins with its own lock, and to another lock if that guards it instead.
class Guarded {
 public:
  Guarded(SharedRef<RLockState> object, std::optional<AnyLock> other)
      : object_(std::move(object)), other_(std::move(other)) {}

  /// Throws StaleHandle when the object is gone.
  void check() const { object_.check(); }

  bool acquire(Timeout timeout) const {
    RLockState& own = *object_;
    if (other_) [[unlikely]]
      return other_->acquire(timeout);
    return rlock::acquire(this_thread(), own, timeout);
  }

  void release() const {
    if (other_) return other_->release();
    if (!rlock::release(this_thread(), *object_))
      throw AssertionError("release: attempt to release recursive lock not owned by thread");
  }

  AnyLock get_lock() const { return other_ ? *other_ : AnyLock(RLock(object_)); }

 private:
  friend class Hold;

  SharedRef<RLockState> object_;
  std::optional<AnyLock> other_;
};

/// Holds the lock of a Guarded for as long as it lives.
class Hold {
 public:
  explicit Hold(const Guarded& guarded) : guarded_(guarded) { guarded.acquire(std::nullopt); }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  ~Hold() {
    // It is not ours any more if what ran meanwhile gave it back, or forked and this is the child: nothing to do then.
    if (!guarded_.other_) [[likely]] {
      rlock::release(this_thread(), *guarded_.object_.unchecked());
      return;
    }
    try {
      guarded_.other_->release();
    } catch (const std::exception&) {
    }
  }

 private:
  const Guarded& guarded_;
};

}  // namespace multiprocessing::detail
