// SPDX-License-Identifier: BSL-1.0
/// \file
/// RLock: a lock that its holder may take again.
#pragma once

#include <multiprocessing/detail/memory/lock_word.hpp>
#include <multiprocessing/detail/memory/shared_ref.hpp>
#include <multiprocessing/detail/synchronize/timed_lockable.hpp>
#include <multiprocessing/time.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ostream>
#include <utility>

namespace multiprocessing {

namespace detail {

/// An RLock as it lies in shared memory. Changing this raises `ArenaHeader::current_version`.
struct RLockState {
  LockState lock;
  // How often its holder has taken it; written by the holder alone, set anew by each first taking. Others read it to show it. Never 0:
  // a signal handler that finds the lock its thread's, before this is set or when it is about to be free, leaves it so.
  std::atomic<std::uint32_t> depth{1};
};
static_assert(sizeof(RLockState) == 20);

namespace rlock {

/// Whether the calling thread holds `state`.
inline bool is_mine(const ThreadIdentity& self, const RLockState& state) noexcept {
  // Relaxed: the word equals my own reference only if I stored it.
  return OwnerRef(state.lock.word.load(std::memory_order_relaxed)) == self.owner;
}

inline bool acquire(const ThreadIdentity& self, RLockState& state, Timeout timeout) {
  if (is_mine(self, state)) {
    state.depth.store(state.depth.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return true;
  }
  if (!lock::acquire(self, state.lock, timeout)) return false;
  state.depth.store(1, std::memory_order_relaxed);  // also after a holder died at any depth
  return true;
}

/// Returns false, and changes nothing, when the calling thread does not hold it.
inline bool release(const ThreadIdentity& self, RLockState& state) noexcept {
  if (!is_mine(self, state)) return false;
  const std::uint32_t depth = state.depth.load(std::memory_order_relaxed);
  if (depth == 1) return lock::release(self, state.lock);
  state.depth.store(depth - 1, std::memory_order_relaxed);
  return true;
}

}  // namespace rlock

}  // namespace detail

/// A recursive lock that processes share; the counterpart of Python's `multiprocessing.RLock`.
///
/// The thread that holds it may take it again, and must release it as often. Owned: nobody else may release it.
///
/// Shared:  copies refer to one lock; pass them to a Process or capture them in a lambda.
/// Threads: every member may be called from any thread of any process.
/// Fork:    a lock held across fork is held by the parent's thread alone; the child's release() throws.
/// Death:   when its holder dies at any depth the next acquire() succeeds with depth 1, and owner_died() says so until it
///          is free again.
/// Cost:    no system call unless someone waits.
class RLock : public detail::TimedLockable<RLock> {
 public:
  RLock() : state_(detail::SharedRef<detail::RLockState>::make(detail::ObjectKind::rlock, 0, [](void* at) {
      return new (at) detail::RLockState;
    })) {}
  /// The lock that lies at the beginning of another shared object.
  explicit RLock(detail::SharedRef<detail::RLockState> state) : state_(std::move(state)) {}

  /// Takes the lock once more, waiting until it is free or `timeout` has passed; returns whether it was taken.
  bool acquire(Timeout timeout = std::nullopt) const { return detail::rlock::acquire(detail::this_thread(), *state_, timeout); }

  /// Undoes one acquire(). Throws AssertionError when the calling thread does not hold it.
  void release() const {
    if (!detail::rlock::release(detail::this_thread(), *state_)) throw_not_mine();
  }

  /// Whether a living thread holds it.
  bool locked() const { return detail::lock::locked(detail::the_arena(), state_->lock); }

  /// Whether it is held by one who took it over from a holder that died: what the lock guards may be half changed.
  bool owner_died() const { return detail::lock::owner_died(state_->lock); }

  /// How it is sent: see detail/memory/shared_ref.hpp.
  template <class Archive>
  void serialize(Archive& archive) {
    state_.serialize(archive);
  }

  /// Whether both refer to one lock.
  friend bool operator==(const RLock&, const RLock&) = default;

  /// As Python's `<RLock(owner, count)>`, with the holder's thread, or None.
  friend std::ostream& operator<<(std::ostream& out, const RLock& lock) {
    const detail::RLockState& state = *lock.state_;
    const bool held = lock.locked();
    return detail::lock::describe(out << "<RLock(", detail::the_arena(), state.lock) << ", " << (held ? state.depth.load(std::memory_order_relaxed) : 0) << ")>";
  }

 private:
  friend class Condition;
  detail::LockState& lock_state() const { return state_->lock; }

  [[noreturn]] static void throw_not_mine() {
    throw AssertionError("RLock.release: attempt to release recursive lock not owned by thread");
  }

  detail::SharedRef<detail::RLockState> state_;
};

}  // namespace multiprocessing
