// SPDX-License-Identifier: BSL-1.0
/// \file
/// Bell: a word on which those sleep who wait for a state that is guarded by a monitor.
#pragma once

#include <multiprocessing/detail/memory/lock_word.hpp>

#include <atomic>
#include <cstdint>
#include <span>

namespace multiprocessing::detail {

/// Only bit 31 is ever set: somebody may sleep. So the low 30 bits are zero at all times, and whoever dies while it names
/// the bell to the kernel, asleep, just woken, or between its deed and its wake-up, makes the kernel wake one sleeper,
/// who looks at the state and at who has died.
///
/// bell      who is about to sleep        who rings
/// 0         sets W, then sleeps on W     need not
/// W         sleeps on W                  names the bell, stores 0, wakes
///
/// Inside the monitor's slow paths another word is named for a moment. Who dies just there, or together with another, may take a
/// wake-up with it: what it left is found by the next who enters the monitor, or by a sleeper after `last_resort`.
struct Bell {
  FutexWord word{0};
  std::atomic<std::uint32_t> ringer{0};  // OwnerRef of who is waking everyone; dead: perhaps it woke only one
};

/// A lock inside a synchronisation object, held for some ten instructions. What it guards is changed by single stores of the
/// truth, so a holder's death leaves nothing to repair but what each type says.
class MonitorGuard {
 public:
  MonitorGuard(const ThreadIdentity& self, LockState& state) : self_(self), state_(state) {
    lock::acquire(self, state, {});
  }
  MonitorGuard(const MonitorGuard&) = delete;
  MonitorGuard& operator=(const MonitorGuard&) = delete;
  ~MonitorGuard() { unlock(); }

  /// Whether the last holder died in it.
  bool owner_died() const noexcept { return lock::owner_died(state_); }

  void unlock() noexcept {
    if (held_) lock::release(self_, state_);
    held_ = false;
  }
  /// Unlocks only if that needs no wake-up of its own; returns whether it did.
  bool unlock_if_quick() noexcept {
    if (owner_died()) return false;
    std::uint32_t mine = self_.owner.bits();
    // Release: what was done in the monitor comes before.
    if (!state_.word.compare_exchange_strong(mine, 0, std::memory_order_release, std::memory_order_relaxed))
      return false;
    held_ = false;
    return true;
  }
  /// Also for one that a bell has woken: where it takes long, the wake-up is first passed on to another. See RobustList::pay().
  void lock() {
    lock::acquire(self_, state_, {});
    held_ = true;
  }

 private:
  const ThreadIdentity& self_;
  LockState& state_;
  bool held_ = true;
};

namespace bell {

/// Says, in the monitor, that the caller is about to sleep.
inline void announce(Bell& bell) noexcept {
  bell.word.store(word_waiters, std::memory_order_relaxed);  // the monitor orders it; the kernel compares it again
}

/// Sleeps, outside the monitor and after announce(), until rung, a death of `watched`, or `deadline`. The caller names the bell
/// to the kernel around its whole wait. Returns false when only time has passed.
inline bool sleep(const ArenaMemory& arena, const Bell& bell, std::span<const OwnerRef> watched,
                  const Deadline& deadline) noexcept {
  return sleep_on(arena, bell.word, word_waiters, watched, deadline);
}

/// Wakes up to `count` sleepers, after the state was changed in the monitor, which it leaves; returns how many slept. The caller has
/// named the bell to the kernel since before the change. No system call if nobody sleeps. Woken ones that find more for
/// others to take ring again.
inline int ring(MonitorGuard& monitor, Bell& bell, int count) noexcept {
  if (bell.word.load(std::memory_order_relaxed) == 0) {
    monitor.unlock();
    return 0;
  }
  bell.word.store(0, std::memory_order_relaxed);
  // Out of the monitor first, so that the woken one finds it free; unless leaving it would name another word to the kernel.
  const bool left = monitor.unlock_if_quick();
  const int woken = futex_wake(bell.word, count);
  if (!left) monitor.unlock();
  return woken;
}

/// A change that everyone who sleeps must hear of: made before the change, in the monitor, it wakes them all when it goes, and
/// leaves the monitor.
class RingAll {
 public:
  RingAll(const ThreadIdentity& self, MonitorGuard& monitor, Bell& bell) noexcept
      : self_(self), pending_(self, bell.word), monitor_(monitor), bell_(bell) {
    // An earlier ring has stored 0, but may not have woken anybody yet; then its ringer will be forgotten below.
    if (bell.ringer.load(std::memory_order_relaxed) != 0) announce(bell);
    bell.ringer.store(self.owner.bits(), std::memory_order_relaxed);  // before the change
  }
  RingAll(const RingAll&) = delete;
  RingAll& operator=(const RingAll&) = delete;
  ~RingAll() {
    ring(monitor_, bell_, all_waiters);
    std::uint32_t me = self_.owner.bits();
    bell_.ringer.compare_exchange_strong(me, 0, std::memory_order_relaxed);
  }

 private:
  const ThreadIdentity& self_;
  PendingGuard pending_;
  MonitorGuard& monitor_;
  Bell& bell_;
};

/// The same for a change that was made already, which a death leaves visible; stays in the monitor.
inline void ring_all_inside(const ThreadIdentity& self, Bell& bell) noexcept {
  const PendingGuard pending(self, bell.word);
  bell.ringer.store(self.owner.bits(), std::memory_order_relaxed);
  bell.word.store(0, std::memory_order_relaxed);
  futex_wake(bell.word, all_waiters);
  bell.ringer.store(0, std::memory_order_relaxed);
}

/// For a sleeper that was woken by a ring for everyone: wakes the others too if the ringer has died, perhaps after waking one. The
/// caller still names the bell to the kernel, so that its own death here wakes the next.
inline void pass_on(const ArenaMemory& arena, Bell& bell) noexcept {
  std::uint32_t ringer = bell.ringer.load(std::memory_order_relaxed);
  if (ringer == 0 || !is_dead(arena, OwnerRef(ringer))) return;
  futex_wake(bell.word, all_waiters);
  bell.ringer.compare_exchange_strong(ringer, 0, std::memory_order_relaxed);
}

}  // namespace bell

}  // namespace multiprocessing::detail
