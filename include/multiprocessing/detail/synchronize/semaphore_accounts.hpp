// SPDX-License-Identifier: BSL-1.0
/// \file
/// A semaphore's accounts, in its monitor: who gets one, and how what the dead hold is given back.
#pragma once

#include <multiprocessing/detail/synchronize/semaphore_state.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace multiprocessing::detail::semaphore {

/// Sets W or takes it away, and nothing else. When it returns with W set the accounts are exact, and stay so until it goes.
/// The tag is a new one, so that who has read the word before changes nothing by it.
inline void set_waits(SemaphoreState& state, bool waits) noexcept {
  for (PermitWord now = word_of(state);;) {
    settle(state, now);
    if (now.waits() == waits) return;
    const PermitWord next = now.is_signal() ? PermitWord::signal(now.value(), waits, now.to_absorb())
                                            : now.after(now.entry(), Kind::none, 0, waits);
    if (exchange(state, now, next)) break;
  }
  if (waits) state.unwatched.store(1, std::memory_order_relaxed);  // who came past the monitor told nobody
}

// Step 2 to 4 of restore().
inline void give_back(SemaphoreState& state, std::uint32_t entry, std::uint32_t to_absorb) noexcept {
  for (PermitWord now = word_of(state); account_of(state, entry).count() != 0;) {
    const std::uint32_t count = account_of(state, entry).count();
    if (commit(state, now, entry, Kind::bulk, now.waits(), count)) break;
  }
  state.owners[entry].store(0, std::memory_order_relaxed);
  state.restored.store(to_absorb, std::memory_order_relaxed);
}

// What one that died in restore() left.
inline void finish_restore(SemaphoreState& state) noexcept {
  const std::uint64_t restored = state.restored.load(std::memory_order_relaxed);
  const auto entry = static_cast<std::uint32_t>(restored >> 32);
  if (entry == 0) return;
  settle(state, word_of(state));
  give_back(state, entry - 1, static_cast<std::uint32_t>(restored));
}

/// Gives back what the dead hold, and collects the living. Returns whether anything was given back.
///
/// step                                               killed after it, the next one
/// 1 restored = total + count, and the dead's entry   goes on at 2: an entry that is named there is counted already
/// 2 the word, kind bulk, and the account             goes on at 3: the account is 0, or owed by the word
/// 3 the entry's owner is cleared                     goes on at 4
/// 4 restored = total
inline bool restore(const ThreadIdentity& self, SemaphoreState& state, Watched& watched) noexcept {
  watched.clear();
  if (word_of(state).is_signal()) return false;
  finish_restore(state);
  settle(state, word_of(state));
  bool any = false;
  const std::uint32_t used = state.used.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < used; ++i) {
    const OwnerRef owner = owner_of(state, i);
    if (!owner || owner == kept_holder || account_of(state, i).count() == 0) continue;
    if (!is_dead(self.arena, owner)) {
      watched.add(owner);
      continue;
    }
    settle(state, word_of(state));  // it may have died after the look above, in the middle of one more operation
    const std::uint32_t count = account_of(state, i).count();
    if (count == 0) continue;
    any = true;
    // More than 31 bits of them are not remembered: as many releases too many nobody makes.
    const std::uint64_t total =
        std::min<std::uint64_t>(state.restored.load(std::memory_order_relaxed) + count, SemaphoreState::most);
    state.restored.store(total | std::uint64_t{i + 1} << 32, std::memory_order_relaxed);
    give_back(state, i, static_cast<std::uint32_t>(total));
  }
  return any;
}

/// An entry that nobody needs: free, of one who is gone, or, failing these, of one who lives and holds nothing. W stands.
inline std::uint32_t unneeded_entry(const ThreadIdentity& self, const SemaphoreState& state) noexcept {
  const std::uint32_t used = state.used.load(std::memory_order_relaxed);
  std::uint32_t of_the_living = SemaphoreState::room;
  for (std::uint32_t i = 0; i < used; ++i) {
    const OwnerRef owner = owner_of(state, i);
    const Account account = account_of(state, i);
    if (!owner) return i;
    // Kept permits are gone whether or not they are written down.
    if (owner == kept_holder ? !account.helped() : account.count() == 0 && is_dead(self.arena, owner)) return i;
    // Who was helped will store its account once more.
    if (account.count() == 0 && !account.helped()) of_the_living = i;
  }
  return used < SemaphoreState::room ? used : of_the_living;
}

/// Makes an entry the calling thread's. `room` when 126 others hold permits. Killed on the way, it leaves W, and an entry that
/// holds nothing.
inline std::uint32_t claim(const ThreadIdentity& self, SemaphoreState& state) noexcept {
  finish_restore(state);
  set_waits(state, true);
  std::uint32_t entry = unneeded_entry(self, state);
  if (entry == SemaphoreState::room) {
    Watched living;
    if (restore(self, state, living)) entry = unneeded_entry(self, state);
    if (entry == SemaphoreState::room) return entry;
  }
  // The tag stays: the word may name this entry.
  state.accounts[entry].store(Account(0, account_of(state, entry).tag()).bits(), std::memory_order_relaxed);
  if (entry >= state.used.load(std::memory_order_relaxed)) state.used.store(entry + 1, std::memory_order_relaxed);
  state.owners[entry].store(self.owner.bits(), std::memory_order_relaxed);
  hint_for(state) = static_cast<std::uint8_t>(entry);
  return entry;
}

}  // namespace multiprocessing::detail::semaphore
