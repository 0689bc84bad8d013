// SPDX-License-Identifier: BSL-1.0
/// \file
/// SemaphoreState: a semaphore as it lies in shared memory, and its protocol.
#pragma once

#include <multiprocessing/detail/memory/bell.hpp>
#include <multiprocessing/detail/memory/holders.hpp>
#include <multiprocessing/detail/memory/reclaim.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/util.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

namespace multiprocessing::detail {

/// Every change is one store of a truth, made in the monitor, so a death leaves it before or after.
///
///            truth                             a permit is there when       acquire                release
/// resource   what each holder holds            holders' total < capacity    my entry + 1           my entry - n
/// resource   ...of which dead: restored        (entries of the dead don't   the dead's entry       absorbed beyond
///                                              count)                       becomes `restored`     the capacity
/// signal     `signal`: marked, value           value > 0                    value - 1              value + n, but absorbed
///                                                                                                  beyond the capacity
///
/// resource becomes signal by one store of `signal`, at the first release that no holder and no restored permit covers, or
/// when a 127th holder comes. Absorbed is what a release would add beyond the capacity, up to what was restored: it is the release
/// of a permit that has come back already.
///
/// Who sleeps watches the holders that it has seen, and the sleeper before it, who may be the next holder. A holder whom perhaps
/// nobody watches is noted in `unwatched`; then who stops sleeping wakes another, who looks again. What two deaths in a row, or one
/// after somebody's time was up, leave unwatched is seen after `last_resort`. Changing this raises `ArenaHeader::current_version`.
struct SemaphoreState {
  static constexpr unsigned value_bits = 31;
  static constexpr std::uint32_t most = std::numeric_limits<std::int32_t>::max();  // Python's SEM_VALUE_MAX
  static constexpr std::uint32_t unbounded = most;
  static constexpr std::uint64_t marked = std::uint64_t{1} << 63;

  SemaphoreState(std::uint32_t value, std::uint32_t limit) : capacity(value), bound(limit) {}

  LockState monitor;
  Bell bell;
  std::uint32_t capacity;                  // permits at the beginning
  std::uint32_t bound;                     // the most there may be
  std::atomic<std::uint64_t> signal{0};    // 0: a resource; else marked | to absorb << 31 | value
  std::atomic<std::uint64_t> restored{0};  // of a resource: permits given back for the dead, to absorb; see restore()
  std::atomic<std::uint32_t> last_sleeper{0};  // OwnerRef of who went to sleep last: the next one watches it
  std::atomic<std::uint32_t> unwatched{0};  // 1: a permit was taken, or a watch given up, since somebody looked at all
  HolderTable holders;
};

/// The checked start value of a semaphore.
template <class Count>
std::uint32_t checked_permits(const char* type, Count value) {
  if (std::cmp_less(value, 0) || std::cmp_greater(value, SemaphoreState::most))
    throw ValueError(std::string(type) + ": semaphore initial value must be >= 0 and at most 2147483647, not " +
                     std::to_string(value));
  return static_cast<std::uint32_t>(value);
}

namespace semaphore {

// After every other finalizer: those of the program may still release.
inline constexpr int last_finalizer = -1000;

inline bool is_signal(const SemaphoreState& state) noexcept {
  return state.signal.load(std::memory_order_relaxed) != 0;
}

inline std::uint32_t value_now(const SemaphoreState& state) noexcept {
  if (is_signal(state))
    return static_cast<std::uint32_t>(state.signal.load(std::memory_order_relaxed)) & SemaphoreState::most;
  return state.capacity - static_cast<std::uint32_t>(state.holders.total());
}

inline std::uint32_t to_absorb(const SemaphoreState& state) noexcept {
  const std::uint64_t all = is_signal(state)
                                ? state.signal.load(std::memory_order_relaxed) >> SemaphoreState::value_bits
                                : state.restored.load(std::memory_order_relaxed);
  return static_cast<std::uint32_t>(all);  // the bits above it are the mark, or the entry that restore() is at
}

inline void make_signal(SemaphoreState& state, std::uint32_t value, std::uint32_t absorbable) noexcept {
  const std::uint64_t both = std::uint64_t{absorbable} << SemaphoreState::value_bits | value;
  state.signal.store(SemaphoreState::marked | both, std::memory_order_relaxed);
}

/// Gives back what the dead hold, and collects the living. Returns whether anything was given back.
///
/// step                                          killed after it, the next one
/// 1 the dead's entry is marked `restored`       goes on at 2: the permits count as free already
/// 2 restored = total + count, and the entry     goes on at 3: the entry's number says that it is counted
/// 3 the entry is emptied                        goes on at 4
/// 4 restored = total
inline bool restore(const ThreadIdentity& self, SemaphoreState& state, Watched& watched) noexcept {
  watched.clear();
  if (is_signal(state)) return false;
  bool any = false;
  HolderTable& holders = state.holders;
  const auto counted = [&](std::uint64_t restored) {
    const std::uint64_t entry = restored >> 32;
    if (entry == 0) return;
    if (holders.at(static_cast<std::uint32_t>(entry) - 1).owner() == restored_holder)
      holders.set(static_cast<std::uint32_t>(entry) - 1, Holding());
    state.restored.store(restored & 0xffffffffu, std::memory_order_relaxed);
  };
  counted(state.restored.load(std::memory_order_relaxed));
  holders.sort_out(
      self.arena, [&](OwnerRef owner) { watched.add(owner); },
      [&](std::uint32_t dead) {
        any = true;
        const std::uint32_t count = holders.at(dead).count();
        holders.set(dead, Holding(restored_holder, count));
        // More than 31 bits of them are not remembered: as many releases too many nobody makes.
        const std::uint64_t restored =
            std::min<std::uint64_t>(state.restored.load(std::memory_order_relaxed) + count, SemaphoreState::most);
        state.restored.store(restored | std::uint64_t{dead + 1} << 32, std::memory_order_relaxed);
        counted(restored | std::uint64_t{dead + 1} << 32);
      });
  return any;
}

// What all threads that `ends` picks hold stays held, as in Python, though they end. Without the monitors: who ends waits for
// nobody, and an object that is freed meanwhile is at most read.
template <class Ends>
void keep(const ThreadIdentity& self, Ends ends) {
  reclaim::for_each_object(self.arena, [&](ObjectHeader& object, auto) {
    if (object.kind != ObjectKind::semaphore || object.id.load(std::memory_order_acquire) == 0) return;
    HolderTable& holders =
        reinterpret_cast<SemaphoreState*>(reinterpret_cast<std::byte*>(&object) + object_offset)->holders;
    for (std::uint32_t i = 0; i < std::min(holders.size(), HolderTable::room); ++i) {
      const Holding here = holders.at(i);
      if (here.count() != 0 && here.owner().slot() < slot_limit && ends(here.owner())) holders.keep(i, here.owner());
    }
  });
}

// Which process has asked for keep_at_exit() at its end. (Two copies of the library ask twice, which changes nothing.)
inline constinit std::atomic<std::uint32_t> keeps_at_exit{0};

inline void keep_at_thread_end() noexcept {
  const ThreadIdentity& self = thread_identity;
  keep(self, [&](OwnerRef owner) { return owner == self.owner; });
}

inline void keep_at_exit() {
  const ThreadIdentity& self = this_thread();
  keep(self, [&](OwnerRef owner) {
    return self.arena.thread(owner.slot()).process.load(std::memory_order_relaxed) == self.process &&
           !is_dead(self.arena, owner);
  });
}

// At the first permit of a thread, and of a process: a child by fork has inherited what its parent's thread asked for.
inline bool expects_end(const ThreadIdentity& self) noexcept {
  return self.at_end != nullptr && keeps_at_exit.load(std::memory_order_relaxed) == self.process;
}
inline void expect_end(ThreadIdentity& self) {
  self.at_end = &keep_at_thread_end;
  if (keeps_at_exit.exchange(self.process, std::memory_order_relaxed) != self.process)
    Finalize(last_finalizer, &keep_at_exit);
}

inline bool take(const ThreadIdentity& self, SemaphoreState& state) noexcept {
  const std::uint32_t value = value_now(state);
  if (value == 0) return false;
  if (is_signal(state) || !state.holders.add(self.owner, 1)) make_signal(state, value - 1, to_absorb(state));
  return true;
}

// Whether a permit that the calling thread has taken is not the only one.
inline bool others_hold(const ThreadIdentity& self, const SemaphoreState& state) noexcept {
  const std::uint32_t mine = state.holders.find(self.owner);
  return state.holders.total() != (mine == HolderTable::room ? 0 : state.holders.at(mine).count());
}

inline bool acquire(ThreadIdentity& self, SemaphoreState& state, Timeout timeout) {
  if (!expects_end(self)) [[unlikely]]
    expect_end(self);
  MonitorGuard monitor(self, state.monitor);
  if (take(self, state)) {
    state.unwatched.store(1, std::memory_order_relaxed);
    return true;
  }
  Watched watched;
  const PendingGuard pending(self, state.bell.word);  // from the first restored permit until every wait is over
  if (restore(self, state, watched) && take(self, state)) {
    state.unwatched.store(1, std::memory_order_relaxed);
    bell::ring(monitor, state.bell, 1);  // the dead's token woke one sleeper only, or none
    return true;
  }
  if (timeout.zero()) return false;
  const Deadline deadline(timeout);
  const IntentGuard intent(self, Intent::wait, &state.bell.word);
  OwnerRef before_me;
  for (;;) {
    const OwnerRef last(state.last_sleeper.exchange(self.owner.bits(), std::memory_order_relaxed));
    if (last != self.owner) before_me = last;  // else nobody came since I slept: the same one is still before me
    if (is_dead(self.arena, before_me)) before_me = OwnerRef();
    watched.add(before_me);
    state.unwatched.store(0, std::memory_order_relaxed);
    bell::announce(state.bell);
    monitor.unlock();
    const bool by_time_alone = !bell::sleep(self.arena, state.bell, watched.all(), deadline);
    monitor.lock_woken(state.bell.word);
    restore(self, state, watched);
    const bool taken = take(self, state);
    const bool late = deadline.passed();
    if (taken && by_time_alone && !late) self.arena.header().saved_by_tick.fetch_add(1, std::memory_order_relaxed);
    if (!taken && !late) continue;
    if (OwnerRef(state.last_sleeper.load(std::memory_order_relaxed)) == self.owner) {
      state.last_sleeper.store(before_me.bits(), std::memory_order_relaxed);  // the next to come watches whom I watched
      state.unwatched.store(1, std::memory_order_relaxed);
    }
    // Others may sleep, and who rang for me took W away: it is put back, or the ring passed on if more is to be had, or if
    // what I have watched should be watched by another.
    bell::announce(state.bell);
    const bool to_watch =
        state.unwatched.load(std::memory_order_relaxed) != 0 && !is_signal(state) && others_hold(self, state);
    if (!taken || to_watch || value_now(state) > 0) bell::ring(monitor, state.bell, 1);
    return taken;
  }
}

/// Throws ValueError, and changes nothing, when that would be more than the bound.
inline void release(const ThreadIdentity& self, SemaphoreState& state, std::uint32_t count) {
  MonitorGuard monitor(self, state.monitor);
  const PendingGuard pending(self, state.bell.word);  // before the permit is there: from then on a wake-up is owed
  const std::uint32_t mine = is_signal(state) ? HolderTable::room : state.holders.find(self.owner);
  if (mine != HolderTable::room && state.holders.at(mine).count() >= count) {
    state.holders.set(mine, Holding(self.owner, state.holders.at(mine).count() - count));
  } else {
    Watched watched;
    restore(self, state, watched);
    const std::uint32_t absorbable = to_absorb(state);
    const std::uint64_t sum = std::uint64_t{value_now(state)} + count;
    const std::uint64_t beyond = sum - std::min<std::uint64_t>(sum, state.capacity);
    const auto absorbed = static_cast<std::uint32_t>(std::min<std::uint64_t>({beyond, absorbable, count}));
    if (sum - absorbed > state.bound)
      throw ValueError("Semaphore.release: semaphore or lock released too many times: its value would be " +
                       std::to_string(sum - absorbed) + ", more than " + std::to_string(state.bound));
    if (absorbed == count && !is_signal(state)) {
      state.restored.store(absorbable - absorbed, std::memory_order_relaxed);  // those permits are there already
    } else {
      make_signal(state, static_cast<std::uint32_t>(sum - absorbed), absorbable - absorbed);
    }
  }
  bell::ring(monitor, state.bell, static_cast<int>(count));
}

inline std::uint32_t value(const ThreadIdentity& self, SemaphoreState& state) {
  MonitorGuard monitor(self, state.monitor);
  const PendingGuard pending(self, state.bell.word);
  Watched watched;
  const bool restored = restore(self, state, watched);
  const std::uint32_t now = value_now(state);
  if (restored) bell::ring(monitor, state.bell, 1);  // who takes one of several wakes the next
  return now;
}

}  // namespace semaphore

}  // namespace multiprocessing::detail
