// SPDX-License-Identifier: BSL-1.0
/// \file
/// The protocol of a lock; its states stand in lock_state.hpp.
#pragma once

#include <multiprocessing/detail/memory/condition_node.hpp>
#include <multiprocessing/detail/memory/identity.hpp>
#include <multiprocessing/detail/memory/lock_state.hpp>
#include <multiprocessing/detail/memory/waiting.hpp>
#include <multiprocessing/errors.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <ostream>

namespace multiprocessing::detail {

namespace lock {

inline constexpr int spins = 100;  // about 2.5 us: a short critical section's length, a fraction of a sleep's 40 us

/// Takes `state` if it is free or abandoned. Returns whether it was.
inline bool try_take(const ThreadIdentity& self, LockState& state) noexcept {
  // Acquire, here and where the exchange fails: whoever reads an owner's name also reads that its token is held.
  std::uint32_t seen = state.word.load(std::memory_order_acquire);
  for (;;) {
    const OwnerRef owner(seen);
    if (owner && !is_dead(self.arena, owner)) return false;
    // W is kept, since others may sleep; after a death it is set, since the dead may just have taken it away to look.
    const std::uint32_t mine = self.owner.bits() | (owner ? word_waiters : seen & word_waiters);
    // Acquire: what the last holder did is seen. Release: that my token is held is seen before my name.
    if (!state.word.compare_exchange_weak(seen, mine, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    if (owner) {
      // Between the CAS and here a death is as good as one before: the next one sees a dead owner again.
      state.until_release.fetch_or(LockState::taken_over, std::memory_order_relaxed);  // what the dead owed stays owed
      self.arena.header().lock_deaths.fetch_add(1, std::memory_order_relaxed);
      // Others that slept watch the dead holder, whose token wakes only one: let one of them watch me.
      futex_wake(state.word, 1);
    }
    return true;
  }
}

/// Leaves the queue of sleepers, whose last one was watching `before`, without the lock.
inline void give_up(const ThreadIdentity& self, LockState& state, OwnerRef before) noexcept {
  std::uint32_t me = self.owner.bits();  // still the last: then the next to come watches whom I watched
  state.last_sleeper.compare_exchange_strong(me, before.bits(), std::memory_order_acq_rel, std::memory_order_relaxed);
  // Others may watch only each other, and a holder that has long given the lock away. Let one of them watch this one.
  if ((state.word.load(std::memory_order_relaxed) & word_waiters) != 0) futex_wake(state.word, 1);
}

/// acquire() of a lock that was not free at the first look.
inline bool acquire_slowly(const ThreadIdentity& self, LockState& state, Timeout timeout) {
  if (try_take(self, state)) return true;
  if (timeout.zero()) return false;
  if (may_spin(self)) {
    for (int i = 0; i < spins; ++i) {
      cpu_pause();
      const std::uint32_t seen = state.word.load(std::memory_order_relaxed);
      if ((seen & word_value) == 0 && try_take(self, state)) return true;
    }
  }
  const Deadline deadline(timeout);
  const IntentGuard intent(self, Intent::wait, &state.word);
  const PendingGuard pending = PendingGuard::of_wait(self, state.word);  // until the word is taken, or given up while it is held
  OwnerRef before_me;
  for (bool by_time_alone = false;;) {
    if (try_take(self, state)) {
      if (by_time_alone && !deadline.passed()) self.arena.header().saved_by_tick.fetch_add(1, std::memory_order_relaxed);
      return true;
    }
    if (deadline.passed()) {
      give_up(self, state, before_me);
      return false;
    }
    std::uint32_t seen = state.word.load(std::memory_order_acquire);
    if ((seen & word_value) == 0) continue;
    if ((seen & word_waiters) == 0) {
      // Relaxed: W carries no data; the futex call compares the word again under the kernel's lock.
      if (!state.word.compare_exchange_strong(seen, seen | word_waiters, std::memory_order_relaxed)) continue;
      seen |= word_waiters;
    }
    const OwnerRef owner(seen);
    // Acquire and release, as with the word: the name of a thread comes after its token.
    const OwnerRef last(state.last_sleeper.exchange(self.owner.bits(), std::memory_order_acq_rel));
    if (last != self.owner) before_me = last;  // else nobody came since I slept: the same one is still before me
    if (before_me == owner || is_dead(self.arena, before_me)) before_me = OwnerRef();
    by_time_alone = !sleep_on(self.arena, state.word, seen, std::array{owner, before_me}, deadline);
  }
}

/// release() of a lock on which somebody may sleep, or that another thread holds. Returns false when nobody holds it.
inline bool release_slowly(const ThreadIdentity& self, LockState& state) noexcept {
  const PendingGuard pending(self, state.word);  // before the word is freed, until the wake-up is done
  std::uint32_t mine = self.owner.bits() | word_waiters;
  // The last wake-up found nobody asleep. If that is still so, W is cleared for good: it is taken away while the lock is
  // held, so whoever goes to sleep now sets it again, and whoever sleeps already is woken here.
  if (state.idle_wakes.load(std::memory_order_relaxed) != 0 &&
      state.word.compare_exchange_strong(mine, self.owner.bits(), std::memory_order_relaxed)) {
    if (futex_wake(state.word, 1) == 0) {
      std::uint32_t unwatched = self.owner.bits();
      // Release: what was done under the lock comes before.
      if (state.word.compare_exchange_strong(unwatched, 0, std::memory_order_release, std::memory_order_relaxed)) return true;
    }
    state.word.fetch_or(word_waiters, std::memory_order_relaxed);
  }
  std::uint32_t seen = state.word.load(std::memory_order_relaxed);
  do {
    if ((seen & word_value) == 0) return false;
  } while (!state.word.compare_exchange_weak(seen, seen & word_waiters, std::memory_order_release, std::memory_order_relaxed));
  if ((seen & word_waiters) != 0)
    state.idle_wakes.store(futex_wake(state.word, 1) == 0 ? 1 : 0, std::memory_order_relaxed);
  return true;
}

/// Takes `state` for the calling thread, waiting as long as `timeout` says; returns whether it was taken.
inline bool acquire(const ThreadIdentity& self, LockState& state, Timeout timeout) {
  std::uint32_t free = 0;
  // Acquire: what the last holder did is seen. Release: that my token is held is seen before my name.
  if (state.word.compare_exchange_strong(free, self.owner.bits(), std::memory_order_acq_rel, std::memory_order_relaxed)) [[likely]]
    return true;
  return acquire_slowly(self, state, timeout);
}

/// Frees `state` where nothing but the lock itself is to be seen to.
inline bool release_alone(const ThreadIdentity& self, LockState& state) noexcept {
  std::uint32_t mine = self.owner.bits();
  if (state.word.compare_exchange_strong(mine, 0, std::memory_order_release, std::memory_order_relaxed)) [[likely]]
    return true;  // nobody slept at that moment: nobody is owed anything
  return release_slowly(self, state);
}

/// release() of a lock with something in `until_release`: wakes who was notified under it, once it is free.
inline bool release_with_dues(const ThreadIdentity& self, LockState& state) noexcept {
  const auto notified = LockState::notified_in(state.until_release.load(std::memory_order_relaxed));
  if (!notified) {
    state.until_release.store(0, std::memory_order_relaxed);
    return release_alone(self, state);
  }
  ThreadSlot& slot = self.arena.thread(*notified);
  const FutexWord* named = self.robust_list.named();
  if (named == &slot.node) named = nullptr;      // by the notifier, as a rule
  if (named != nullptr) self.robust_list.pay();  // what another lock owes: for the moment without it
  self.robust_list.pending(&slot.node);          // before it is forgotten here: if I die the kernel wakes it
  state.until_release.store(0, std::memory_order_relaxed);
  std::uint32_t mine = self.owner.bits();
  const bool released =
      state.word.compare_exchange_strong(mine, 0, std::memory_order_release, std::memory_order_relaxed);
  condition_node::wake_notified(self.robust_list, self.arena, slot);
  self.robust_list.pending(named);
  return released || release_slowly(self, state);
}

/// Frees `state`, whoever holds it. Returns false, and changes nothing, when nobody does.
inline bool release(const ThreadIdentity& self, LockState& state) noexcept {
  if (state.until_release.load(std::memory_order_relaxed) != 0) [[unlikely]] return release_with_dues(self, state);
  return release_alone(self, state);
}

/// Whether `state` is held by one who took it over from a holder that died.
inline bool owner_died(const LockState& state) noexcept {
  return (state.until_release.load(std::memory_order_relaxed) & LockState::taken_over) != 0;
}

/// Whether a living thread holds `state`.
inline bool locked(const ArenaMemory& arena, const LockState& state) noexcept {
  const OwnerRef owner(state.word.load(std::memory_order_acquire));
  return owner && !is_dead(arena, owner);
}

/// Writes who holds `state`: the kernel's id of its process and thread, or None.
inline std::ostream& describe(std::ostream& out, const ArenaMemory& arena, const LockState& state) {
  const OwnerRef owner(state.word.load(std::memory_order_acquire));
  if (!owner || is_dead(arena, owner)) return out << "None";
  const ThreadSlot& slot = arena.thread(owner.slot());
  const ProcessRef process(slot.process.load(std::memory_order_relaxed));
  return out << "process " << arena.process(process.slot()).pid.load(std::memory_order_relaxed) << " thread "
             << slot.thread_id.load(std::memory_order_relaxed);
}

}  // namespace lock

}  // namespace multiprocessing::detail
