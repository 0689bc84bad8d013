// SPDX-License-Identifier: BSL-1.0
/// \file
/// RWLockState: a readers-writer lock as it lies in shared memory, and its protocol.
#pragma once

#include <multiprocessing/detail/memory/bell.hpp>
#include <multiprocessing/detail/memory/kind_text.hpp>
#include <multiprocessing/detail/synchronize/reader_table.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace multiprocessing::detail {

/// The truths are the writer's name in `gate` and the table of readers; each change is one store of one of them.
///
/// gate        acquire_shared                             acquire                            release
/// 0           my entry: 1. Gate still 0: in; else        CAS to me. Nobody reads: in;       reader: my entry: 0; gate without
///             as with S                                  else as with S                     S: done, else rings
/// X           as with S                                  as with S                          X: CAS to 0
/// S, X|S      in the monitor:                            in the monitor:                    in the monitor: frees, then rings
///             +1, unless written or a writer waits       X = me, unless written or read
/// X dead      ...X is taken out, owner_died is set       ...the same
///
/// S says that somebody waits, or is about to: set in the monitor before the look at who is in, and taken away there when nobody
/// waits. Seq_cst on the gate and on the entries makes one of two see the other: who comes in or goes out by the quick way stores
/// its entry, then looks at the gate; who would wait stores S, or its name, then looks at the entries. Who finds the gate shut after
/// it has entered itself goes to the monitor, and rings if it goes out again, since a writer may have seen it.
///
/// Killed on the quick way, it is a dead reader or writer whom others see as such: before it sleeps each looks at all
/// who are in, and watches them; who has left before is seen by nobody, and owes nobody anything.
///
/// "A writer waits" is `waiting_writer`, a name and not a flag, so that a dead one keeps nobody out. The last reader to leave wakes
/// one writer; a writer that leaves forgets who waits, and wakes all readers and one writer: so readers who come later let the
/// writer pass, and nobody is kept out by a row of writers alone. Who has read may always read again.
///
/// Each sleeper also watches who waits to write, and the sleeper before it, who may be the next holder. Changing this raises
/// `ArenaHeader::current_version`.
struct alignas(32) RWLockState {  // an object lies 32 bytes into a line
  static constexpr std::uint32_t shut = word_waiters;  // S

  LockState monitor;
  std::atomic<std::uint32_t> gate{0};            // OwnerRef of who writes, and S
  std::atomic<std::uint32_t> owner_died{0};      // 1 from a writer's death until the next writer releases
  Bell read_bell, write_bell;
  std::atomic<std::uint32_t> waiting_writer{0};  // OwnerRef of a writer that sleeps: readers let it pass
  std::atomic<std::uint32_t> last_sleeper{0};    // OwnerRef: the next one watches it
  std::array<std::byte, 48> unused{};            // so that the readers begin a line
  ReaderTable readers;

  OwnerRef writer() const noexcept { return OwnerRef(gate.load(std::memory_order_acquire)); }
};
static_assert((object_offset + offsetof(RWLockState, readers)) % 64 == 0);

namespace rwlock {

// Where each thread has last read under a lock: a hint, which the entry's owner confirms.
inline thread_local constinit std::array<std::uint8_t, 64> entry_hints{};
inline std::uint8_t& entry_hint(const RWLockState& state) noexcept {
  return entry_hints[(reinterpret_cast<std::uintptr_t>(&state) >> 10) % entry_hints.size()];
}

// Takes away what the dead hold, and collects the living. Returns whether anything was taken away.
inline bool sort_out(const ThreadIdentity& self, RWLockState& state, Watched& watched) noexcept {
  watched.clear();
  bool any = false;
  const OwnerRef writer = state.writer();
  if (writer && is_dead(self.arena, writer)) {
    state.owner_died.store(1, std::memory_order_relaxed);  // first: after a death between the two it is set again
    state.gate.fetch_and(RWLockState::shut, std::memory_order_relaxed);
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
  for (std::uint32_t i = 0; i < state.readers.size(); ++i) {
    const Holding reader = state.readers.look(i);
    if (reader.count() == 0 || reader.owner() == self.owner) continue;
    if (!is_dead(self.arena, reader.owner())) {
      watched.add(reader.owner());
    } else {
      state.readers.at(i).store(0, std::memory_order_relaxed);  // nobody else writes a dead reader's entry
      any = true;
    }
  }
  return any;
}

inline bool may_read(const RWLockState& state) noexcept {
  return !state.writer() && state.waiting_writer.load(std::memory_order_relaxed) == 0;
}
inline bool may_write(const RWLockState& state) noexcept { return !state.writer() && !state.readers.any(); }

// In the monitor, with the gate shut.
inline bool take(const ThreadIdentity& self, RWLockState& state, bool write) noexcept {
  if (!write) {
    const std::uint32_t mine = state.readers.find(self.owner);
    if (mine != ReaderTable::room) {  // recursive
      state.readers.at(mine).fetch_add(1, std::memory_order_relaxed);
      return true;
    }
    if (!may_read(state)) return false;
    const std::uint32_t entry = state.readers.claim(self.owner);
    if (entry != ReaderTable::room) entry_hint(state) = static_cast<std::uint8_t>(entry);
    return entry != ReaderTable::room;
  }
  if (!may_write(state)) return false;
  // Acquire, by the fetch and by what may_write() read: what the last holders did is seen.
  state.gate.fetch_or(self.owner.bits(), std::memory_order_acquire);
  if (OwnerRef(state.waiting_writer.load(std::memory_order_relaxed)) == self.owner)
    state.waiting_writer.store(0, std::memory_order_relaxed);
  return true;
}

// Opens the quick way again if nobody waits: who was rung for and is not in yet shuts it by itself.
inline void open_if_nobody_waits(RWLockState& state) noexcept {
  if (state.read_bell.word.load(std::memory_order_relaxed) == 0 &&
      state.write_bell.word.load(std::memory_order_relaxed) == 0 &&
      state.waiting_writer.load(std::memory_order_relaxed) == 0)
    state.gate.fetch_and(word_value, std::memory_order_relaxed);
}

// Wakes who may go in now, or everyone who should look anew; leaves the monitor.
inline void let_in(const ThreadIdentity& self, MonitorGuard& monitor, RWLockState& state, bool look = false) noexcept {
  const PendingGuard pending(self, state.write_bell.word);
  open_if_nobody_waits(state);
  const bool readers = state.read_bell.word.load(std::memory_order_relaxed) != 0 && (look || may_read(state));
  const bool writers = look || may_write(state);
  if (readers)
    bell::ring_all_inside(self, state.read_bell);  // before the writer, and in the monitor: else he were always first
  if (writers) bell::ring(monitor, state.write_bell, 1);
  monitor.unlock();
}

/// Comes in without the monitor where nobody else is in the way. Sets `entered` where it has entered itself before it found
/// out that somebody is: then acquire_slowly() goes on from there.
inline bool read_quickly(const ThreadIdentity& self, RWLockState& state, bool& entered) noexcept {
  std::atomic<std::uint64_t>& entry = state.readers.at(entry_hint(state));
  const Holding here(entry.load(std::memory_order_relaxed));
  if (here.owner() != self.owner) return false;
  if (here.count() != 0) {
    entry.store(Holding(self.owner, here.count() + 1).bits(), std::memory_order_relaxed);
    return true;
  }
  if (state.gate.load(std::memory_order_relaxed) != 0) return false;
  std::uint64_t mine = here.bits();
  if (!entry.compare_exchange_strong(mine, Holding(self.owner, 1).bits(), std::memory_order_seq_cst,
                                     std::memory_order_relaxed))
    return false;
  entered = true;
  return state.gate.load(std::memory_order_seq_cst) == 0;  // acquire, too: what the last writer did is seen
}
/// The same for a writer, who looks at the readers before, not to bar them for nothing, and again once it has barred them.
inline bool write_quickly(const ThreadIdentity& self, RWLockState& state, bool& entered) noexcept {
  if (state.readers.any()) return false;
  std::uint32_t open = 0;
  entered = state.gate.compare_exchange_strong(open, self.owner.bits(), std::memory_order_seq_cst,
                                               std::memory_order_relaxed);
  return entered && !state.readers.any();
}

// Takes back, in the monitor, what was entered on the quick way.
inline void leave_again(const ThreadIdentity& self, RWLockState& state, bool write) noexcept {
  if (write) {
    state.gate.fetch_and(RWLockState::shut, std::memory_order_relaxed);
  } else {
    state.readers.at(entry_hint(state)).store(Holding(self.owner, 0).bits(), std::memory_order_relaxed);
  }
}

inline bool acquire_slowly(const ThreadIdentity& self, RWLockState& state, bool write, Timeout timeout, bool entered) {
  MonitorGuard monitor(self, state.monitor);
  state.gate.fetch_or(RWLockState::shut, std::memory_order_seq_cst);  // before any look at who is in
  if (entered) leave_again(self, state, write);
  bool changed = entered;  // others may have seen me, and may wait for me to go
  if (!changed && take(self, state, write)) {
    open_if_nobody_waits(state);
    return true;
  }
  Bell& bell = write ? state.write_bell : state.read_bell;
  const IntentGuard intent(self, Intent::wait, &bell.word);
  const PendingGuard pending = PendingGuard::of_wait(self, bell.word);
  const Deadline deadline(timeout);
  Watched watched;
  OwnerRef before_me;
  for (bool slept = false, by_time_alone = false;; changed = false) {
    changed = sort_out(self, state, watched) || changed;
    const bool taken = take(self, state, write);
    const bool late = timeout.zero() || deadline.passed();
    if (taken && by_time_alone && !late) self.arena.header().saved_by_tick.fetch_add(1, std::memory_order_relaxed);
    if (taken || late) {
      if (OwnerRef(state.waiting_writer.load(std::memory_order_relaxed)) == self.owner)
        state.waiting_writer.store(0, std::memory_order_relaxed);
      if (OwnerRef(state.last_sleeper.load(std::memory_order_relaxed)) == self.owner)
        state.last_sleeper.store(before_me.bits(),
                                 std::memory_order_relaxed);  // the next to come watches whom I watched
      if (write && slept) bell::announce(bell);  // other writers may sleep, and who rang for me took W away
      // The dead's token woke one sleeper only; and others may watch only one who gives up.
      if (changed || (slept && !taken)) {
        let_in(self, monitor, state, true);
      } else {
        open_if_nobody_waits(state);
      }
      return taken;
    }
    if (changed) {  // I may not go in, but another may
      let_in(self, monitor, state, true);
      monitor.lock();
      state.gate.fetch_or(RWLockState::shut, std::memory_order_seq_cst);
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
    monitor.lock();
    state.gate.fetch_or(RWLockState::shut, std::memory_order_seq_cst);
  }
}

/// Takes it for reading or writing, waiting as long as `timeout` says; returns whether it was taken.
inline bool acquire(const ThreadIdentity& self, RWLockState& state, bool write, Timeout timeout) {
  bool entered = false;
  if (write ? write_quickly(self, state, entered) : read_quickly(self, state, entered)) [[likely]]
    return true;
  return acquire_slowly(self, state, write, timeout, entered);
}

// Wakes whom a reader's or writer's leaving lets in, after it has left on the quick way.
inline void ring_after_leaving(const ThreadIdentity& self, RWLockState& state) noexcept {
  MonitorGuard monitor(self, state.monitor);
  let_in(self, monitor, state);
}

inline bool release_slowly(const ThreadIdentity& self, RWLockState& state, bool write) noexcept {
  MonitorGuard monitor(self, state.monitor);
  const PendingGuard pending(self, state.write_bell.word);
  if (write) {
    if (state.writer() != self.owner) return false;
    state.owner_died.store(0, std::memory_order_relaxed);
    state.waiting_writer.store(0, std::memory_order_relaxed);  // who waits says so again, if it doesn't get in now
    state.gate.fetch_and(RWLockState::shut, std::memory_order_release);
  } else {
    const std::uint32_t mine = state.readers.find(self.owner);
    if (mine == ReaderTable::room) return false;
    const Holding here = state.readers.look(mine);
    state.readers.at(mine).store(Holding(self.owner, here.count() - 1).bits(), std::memory_order_seq_cst);
  }
  let_in(self, monitor, state);
  return true;
}

/// Ends the calling thread's writing. Returns false, and changes nothing, when it does not write.
inline bool release_write(const ThreadIdentity& self, RWLockState& state) noexcept {
  std::uint32_t mine = self.owner.bits();
  if (state.gate.load(std::memory_order_relaxed) == mine) {
    if (state.owner_died.load(std::memory_order_relaxed) != 0) state.owner_died.store(0, std::memory_order_relaxed);
    // Release: what was written is seen by the next. It fails when somebody has come to wait.
    if (state.gate.compare_exchange_strong(mine, 0, std::memory_order_release, std::memory_order_relaxed)) [[likely]]
      return true;
  }
  return release_slowly(self, state, true);
}

/// Ends the calling thread's reading once. Returns false, and changes nothing, when it does not read.
inline bool release_read(const ThreadIdentity& self, RWLockState& state) noexcept {
  std::atomic<std::uint64_t>& entry = state.readers.at(entry_hint(state));
  const Holding here(entry.load(std::memory_order_relaxed));
  if (here.owner() != self.owner || here.count() == 0) return release_slowly(self, state, false);
  const std::uint64_t less = Holding(self.owner, here.count() - 1).bits();
  if (here.count() > 1) {
    entry.store(less, std::memory_order_relaxed);
    return true;
  }
  // Where somebody is seen to wait the bell is named to the kernel before the entry is emptied. Who comes to wait just now
  // sees the entry either full, and watches its owner, or empty.
  if ((state.gate.load(std::memory_order_relaxed) & RWLockState::shut) != 0) return release_slowly(self, state, false);
  entry.exchange(less, std::memory_order_seq_cst);  // release, too: what was read was read before the next writer
  if ((state.gate.load(std::memory_order_seq_cst) & RWLockState::shut) != 0) [[unlikely]]
    ring_after_leaving(self, state);
  return true;
}

}  // namespace rwlock

inline constexpr KindText rwlock_text{
    [](const void* state) noexcept { return static_cast<const RWLockState*>(state)->writer(); },
    [](const ArenaMemory& arena, const void* at) {
      const auto& state = *static_cast<const RWLockState*>(at);
      std::string text;
      if (const OwnerRef writer = state.writer()) text = "written by " + thread_text(arena, writer);
      for (std::uint32_t i = 0; i < state.readers.size(); ++i) {
        const Holding reader = state.readers.look(i);
        if (reader.count() != 0) text += (text.empty() ? "read by " : "; read by ") + thread_text(arena, reader.owner());
      }
      return text;
    }};
inline const bool rwlock_is_described = describe_kind(ObjectKind::rwlock, rwlock_text);

}  // namespace multiprocessing::detail
