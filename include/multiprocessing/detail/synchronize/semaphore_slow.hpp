// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a semaphore's operations do where one exchange is not enough: in its monitor they wait, wake, and look who has died.
#pragma once

#include <multiprocessing/detail/synchronize/semaphore_accounts.hpp>
#include <multiprocessing/detail/synchronize/semaphore_end.hpp>
#include <multiprocessing/detail/synchronize/semaphore_state.hpp>

#include <atomic>
#include <cstdint>
#include <string>

namespace multiprocessing::detail::semaphore {

/// In the monitor:
///
///            a permit is taken by       a release is                                  of the dead
/// resource   account + 1, value - 1     covered: account - n, value + n               account to 0, value + what it was;
///                                       else absorbed, or it makes it a signal        that much is to absorb
/// signal     value - 1                  value + n, but absorbed beyond the capacity   nothing
///
/// A resource becomes a signal by one exchange, at the first release that neither an account nor a restored permit covers, or
/// when a 127th holder comes. Absorbed is what a release would add beyond the capacity, up to what was restored: it is the release
/// of a permit that has come back already.
///
/// Who sleeps watches the holders that it has seen, and the sleeper before it, who may be the next holder. A holder whom perhaps
/// nobody watches is noted in `unwatched`; then who stops sleeping wakes another, who looks again. What two deaths in a row, or one
/// after somebody's time was up, leave unwatched is seen after `last_resort`.

inline bool bell_is_set(const SemaphoreState& state) noexcept {
  return state.bell.word.load(std::memory_order_relaxed) != 0;  // changed in the monitor alone
}

inline std::uint32_t to_absorb(const SemaphoreState& state, PermitWord now) noexcept {
  if (now.is_signal()) return now.to_absorb();
  return static_cast<std::uint32_t>(state.restored.load(std::memory_order_relaxed));  // above it: where restore() is
}

/// Takes a permit if there is one.
inline bool take(const ThreadIdentity& self, SemaphoreState& state) noexcept {
  for (PermitWord now = word_of(state); now.value() != 0;) {
    if (!now.is_signal()) {
      const std::uint32_t mine = entry_of(self, state);
      if (mine != SemaphoreState::room) {
        state.unwatched.store(1, std::memory_order_relaxed);
        if (commit(state, now, mine, Kind::acquire, bell_is_set(state))) return true;
        continue;
      }
      if (claim(self, state) != SemaphoreState::room) {
        now = word_of(state);
        continue;
      }
      now = word_of(state);
    }
    const PermitWord next = PermitWord::signal(now.value() - 1, bell_is_set(state), to_absorb(state, now));
    if (now.value() != 0 && exchange(state, now, next)) return true;
  }
  return false;
}

/// Whether a permit that the calling thread has taken is not the only one. W stands.
inline bool others_hold(const ThreadIdentity& self, const SemaphoreState& state) noexcept {
  for (std::uint32_t i = 0; i < state.used.load(std::memory_order_relaxed); ++i) {
    const OwnerRef owner = owner_of(state, i);
    if (owner && owner != kept_holder && owner != self.owner && account_of(state, i).count() != 0) return true;
  }
  return false;
}

/// Says in both words that somebody may sleep.
inline void announce(SemaphoreState& state) noexcept {
  bell::announce(state.bell);
  set_waits(state, true);
}

// One who dies stays counted: too many cost a call that wakes nobody, and too few there never are.
inline void count_sleepers(SemaphoreState& state, std::int32_t more) noexcept {
  const std::uint32_t before = state.sleepers.load(std::memory_order_relaxed);  // relaxed: of the monitor alone
  state.sleepers.store(before + static_cast<std::uint32_t>(more), std::memory_order_relaxed);
}

/// acquire() where no single exchange takes a permit.
inline bool acquire_slowly(ThreadIdentity& self, SemaphoreState& state, Timeout timeout) {
  if (!word_of(state).is_signal()) expect_end(self);
  if (!timeout.zero() && may_spin(self)) {
    for (int i = 0; i < lock::spins; ++i) {
      const PermitWord now(state.word.load(std::memory_order_relaxed));
      if (now.value() != 0) {
        if (try_acquire(self, state)) return true;
        if (word_of(state).value() != 0) break;  // it is not enough to be quick: this thread has no entry yet, or others sleep
      }
      cpu_pause();
    }
  }
  MonitorGuard monitor(self, state.monitor);
  if (take(self, state)) return true;
  Watched watched;
  const PendingGuard pending = PendingGuard::of_wait(self, state.bell.word);  // from the first restored permit until every wait is over
  set_waits(state, true);
  const bool restored = restore(self, state, watched);
  if (take(self, state)) {
    if (restored) bell::ring(monitor, state.bell, 1);  // the dead's token woke one sleeper only, or none
    return true;
  }
  if (timeout.zero()) {
    set_waits(state, bell_is_set(state));
    return false;
  }
  const Deadline deadline(timeout);
  const IntentGuard intent(self, Intent::wait, &state.bell.word);
  OwnerRef before_me;
  for (;;) {
    announce(state);
    count_sleepers(state, +1);
    const OwnerRef last(state.last_sleeper.exchange(self.owner.bits(), std::memory_order_relaxed));
    if (last != self.owner) before_me = last;  // else nobody came since I slept: the same one is still before me
    if (is_dead(self.arena, before_me)) before_me = OwnerRef();
    watched.add(before_me);
    state.unwatched.store(0, std::memory_order_relaxed);
    monitor.unlock();
    const bool by_time_alone = !bell::sleep(self.arena, state.bell, watched.all(), deadline);
    monitor.lock();
    count_sleepers(state, -1);
    // Who rang for me took the bell's W away. If nobody else sleeps, a signal needs it no more, and its next release no call.
    if (state.sleepers.load(std::memory_order_relaxed) != 0 || !word_of(state).is_signal()) announce(state);
    restore(self, state, watched);
    const bool taken = take(self, state);
    const bool late = deadline.passed();
    if (taken && by_time_alone && !late) self.arena.header().saved_by_tick.fetch_add(1, std::memory_order_relaxed);
    if (!taken && !late) continue;
    if (OwnerRef(state.last_sleeper.load(std::memory_order_relaxed)) == self.owner) {
      state.last_sleeper.store(before_me.bits(), std::memory_order_relaxed);  // the next to come watches whom I watched
      state.unwatched.store(1, std::memory_order_relaxed);
    }
    // The ring is passed on if more is to be had, or if what I have watched should be watched by another.
    const PermitWord now = word_of(state);
    const bool to_watch = state.unwatched.load(std::memory_order_relaxed) != 0 && !now.is_signal() && others_hold(self, state);
    if (!taken || to_watch || now.value() > 0) bell::ring(monitor, state.bell, 1);
    return taken;
  }
}

/// release() where no single exchange gives the permits back, or somebody may sleep.
inline void release_slowly(const ThreadIdentity& self, SemaphoreState& state, std::uint32_t count) {
  MonitorGuard monitor(self, state.monitor);
  const PendingGuard pending(self, state.bell.word);  // before the permit is there: from then on a wake-up is owed
  const bool waits = bell_is_set(state);
  bool done = false;
  for (PermitWord now = word_of(state); !done;) {
    const std::uint32_t mine = now.is_signal() ? SemaphoreState::room : entry_of(self, state);
    if (mine != SemaphoreState::room && account_of(state, mine).count() >= count) {
      const Kind kind = count == 1 ? Kind::release : Kind::bulk;
      done = commit(state, now, mine, kind, waits, count);
      continue;
    }
    Watched watched;
    restore(self, state, watched);
    now = word_of(state);
    const std::uint32_t absorbable = to_absorb(state, now);
    const auto [value, absorbed] = released(state, now.value(), absorbable, count);
    if (value > state.bound)
      throw ValueError("Semaphore.release: semaphore or lock released too many times: its value would be " +
                       std::to_string(value) + ", more than " + std::to_string(state.bound));
    if (absorbed == count && !now.is_signal()) {
      state.restored.store(absorbable - absorbed, std::memory_order_relaxed);  // those permits are there already
      done = true;
    } else {
      done = exchange(state, now, PermitWord::signal(static_cast<std::uint32_t>(value), waits, absorbable - absorbed));
    }
  }
  bell::ring(monitor, state.bell, static_cast<int>(count));
}

/// Takes a permit, waiting as long as `timeout` says; returns whether it was taken.
inline bool acquire(ThreadIdentity& self, SemaphoreState& state, Timeout timeout) {
  if (try_acquire(self, state)) [[likely]]
    return true;
  return acquire_slowly(self, state, timeout);
}

/// Throws ValueError, and changes nothing, when that would be more than the bound.
inline void release(const ThreadIdentity& self, SemaphoreState& state, std::uint32_t count) {
  if (!try_release(self, state, count)) [[unlikely]]
    release_slowly(self, state, count);
}

inline std::uint32_t value(const ThreadIdentity& self, SemaphoreState& state) {
  if (const PermitWord now = word_of(state); now.is_signal()) return now.value();
  MonitorGuard monitor(self, state.monitor);
  const PendingGuard pending(self, state.bell.word);
  Watched watched;
  const bool restored = restore(self, state, watched);
  const std::uint32_t now = word_of(state).value();
  if (restored) bell::ring(monitor, state.bell, 1);  // who takes one of several wakes the next
  return now;
}

}  // namespace multiprocessing::detail::semaphore
