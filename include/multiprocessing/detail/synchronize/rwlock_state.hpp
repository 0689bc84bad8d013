// SPDX-License-Identifier: BSL-1.0
/// \file
/// RWLockState: a readers-writer lock as it lies in shared memory, and its protocol.
#pragma once

#include <multiprocessing/detail/memory/bell.hpp>
#include <multiprocessing/detail/memory/holders.hpp>

#include <atomic>
#include <cstdint>

namespace multiprocessing::detail {

/// The truths are `writer` and the table of readers; each change is one store of one of them, in the monitor.
///
/// state              read                                     write                        left by a death
/// free               +1 in the table, unless a writer waits   writer = me                  -
/// read               +1, unless a writer waits                waits, watches the readers   the dead one's entry is emptied
/// written            waits, watches the writer                waits, watches the writer    writer = 0, owner_died is set
///
/// "A writer waits" is `waiting_writer`, a name and not a flag, so that a dead one keeps nobody out. The last reader to leave wakes
/// one writer; a writer that leaves forgets who waits, and wakes all readers and one writer: so readers who come later let the
/// writer pass, and nobody is kept out by a row of writers alone. Who has read may always read again.
///
/// Each sleeper also watches who waits to write, and the sleeper before it, who may be the next holder. Changing this raises
/// `ArenaHeader::current_version`.
struct RWLockState {
  LockState monitor;
  Bell read_bell, write_bell;
  std::atomic<std::uint32_t> writer{0};          // OwnerRef
  std::atomic<std::uint32_t> waiting_writer{0};  // OwnerRef of a writer that sleeps: readers let it pass
  std::atomic<std::uint32_t> owner_died{0};      // 1 from a writer's death until the next writer releases
  std::atomic<std::uint32_t> last_sleeper{0};    // OwnerRef: the next one watches it
  HolderTable readers;
};

namespace rwlock {

// Takes away what the dead hold, and collects the living. Returns whether anything was taken away.
inline bool sort_out(const ThreadIdentity& self, RWLockState& state, Watched& watched) noexcept {
  watched.clear();
  bool any = false;
  const OwnerRef writer(state.writer.load(std::memory_order_relaxed));
  if (writer && is_dead(self.arena, writer)) {
    state.owner_died.store(1, std::memory_order_relaxed);  // first: after a death between the two it is set again
    state.writer.store(0, std::memory_order_relaxed);
    any = true;
  } else {
    watched.add(writer);
  }
  const OwnerRef waiting(state.waiting_writer.load(std::memory_order_relaxed));
  if (waiting && is_dead(self.arena, waiting)) {
    state.waiting_writer.store(0, std::memory_order_relaxed);
    any = true;
  } else if (waiting != self.owner) {
    watched.add(waiting);
  }
  state.readers.sort_out(
      self.arena,
      [&](OwnerRef reader) {
        if (reader != self.owner) watched.add(reader);
      },
      [&](std::uint32_t dead) { state.readers.set(dead, Holding()), any = true; });
  return any;
}

inline bool may_read(const RWLockState& state) noexcept {
  return state.writer.load(std::memory_order_relaxed) == 0 && state.waiting_writer.load(std::memory_order_relaxed) == 0;
}
inline bool may_write(const RWLockState& state) noexcept {
  return state.writer.load(std::memory_order_relaxed) == 0 && state.readers.total() == 0;
}

inline bool take(const ThreadIdentity& self, RWLockState& state, bool write) noexcept {
  if (!write) {
    return (may_read(state) || state.readers.find(self.owner) != HolderTable::room) && state.readers.add(self.owner, 1);
  }
  if (!may_write(state)) return false;
  state.writer.store(self.owner.bits(), std::memory_order_relaxed);
  if (OwnerRef(state.waiting_writer.load(std::memory_order_relaxed)) == self.owner)
    state.waiting_writer.store(0, std::memory_order_relaxed);
  return true;
}

// Wakes who may go in now, or everyone who should look anew; leaves the monitor.
inline void let_in(const ThreadIdentity& self, MonitorGuard& monitor, RWLockState& state, bool look = false) noexcept {
  const PendingGuard pending(self, state.write_bell.word);
  const bool readers = state.read_bell.word.load(std::memory_order_relaxed) != 0 && (look || may_read(state));
  const bool writers = look || may_write(state);
  if (readers)
    bell::ring_all_inside(self, state.read_bell);  // before the writer, and in the monitor: else he were always first
  if (writers) bell::ring(monitor, state.write_bell, 1);
  monitor.unlock();
}

/// Takes it for reading or writing, waiting as long as `timeout` says; returns whether it was taken.
inline bool acquire(const ThreadIdentity& self, RWLockState& state, bool write, Timeout timeout) {
  MonitorGuard monitor(self, state.monitor);
  if (take(self, state, write)) return true;
  Bell& bell = write ? state.write_bell : state.read_bell;
  const IntentGuard intent(self, Intent::wait, &bell.word);
  const PendingGuard pending(self, bell.word);
  const Deadline deadline(timeout);
  Watched watched;
  OwnerRef before_me;
  for (bool slept = false, by_time_alone = false;;) {
    const bool changed = sort_out(self, state, watched);
    const bool taken = take(self, state, write);
    const bool late = timeout.zero() || deadline.passed();
    if (taken && by_time_alone && !late) self.arena.header().saved_by_tick.fetch_add(1, std::memory_order_relaxed);
    if (taken || late) {
      if (!slept && !changed) return taken;
      if (OwnerRef(state.waiting_writer.load(std::memory_order_relaxed)) == self.owner)
        state.waiting_writer.store(0, std::memory_order_relaxed);
      if (OwnerRef(state.last_sleeper.load(std::memory_order_relaxed)) == self.owner)
        state.last_sleeper.store(before_me.bits(),
                                 std::memory_order_relaxed);  // the next to come watches whom I watched
      if (write) bell::announce(bell);  // other writers may sleep, and who rang for me took W away
      // The dead's token woke one sleeper only; and others may watch only one who gives up.
      if (changed || !taken) let_in(self, monitor, state, true);
      return taken;
    }
    if (changed) {  // I may not go in, but another may
      let_in(self, monitor, state, true);
      monitor.lock_woken(bell.word);
      continue;
    }
    const OwnerRef last(state.last_sleeper.exchange(self.owner.bits(), std::memory_order_relaxed));
    if (last != self.owner) before_me = last;  // else nobody came since I slept: the same one is still before me
    if (is_dead(self.arena, before_me)) before_me = OwnerRef();
    watched.add(before_me);
    if (write) state.waiting_writer.store(self.owner.bits(), std::memory_order_relaxed);
    bell::announce(bell);
    monitor.unlock();
    by_time_alone = !bell::sleep(self.arena, bell, watched.all(), deadline);
    slept = true;
    if (!write) bell::pass_on(self.arena, bell);
    monitor.lock_woken(bell.word);
  }
}

/// Gives back what the calling thread holds. Returns false, and changes nothing, when it holds nothing.
inline bool release(const ThreadIdentity& self, RWLockState& state, bool write) noexcept {
  MonitorGuard monitor(self, state.monitor);
  const PendingGuard pending(self, state.write_bell.word);
  if (write) {
    if (OwnerRef(state.writer.load(std::memory_order_relaxed)) != self.owner) return false;
    state.owner_died.store(0, std::memory_order_relaxed);
    state.waiting_writer.store(0, std::memory_order_relaxed);  // who waits says so again, if it doesn't get in now
    state.writer.store(0, std::memory_order_relaxed);
  } else {
    const std::uint32_t mine = state.readers.find(self.owner);
    if (mine == HolderTable::room) return false;
    state.readers.set(mine, Holding(self.owner, state.readers.at(mine).count() - 1));
  }
  let_in(self, monitor, state);
  return true;
}

}  // namespace rwlock

}  // namespace multiprocessing::detail
