// SPDX-License-Identifier: BSL-1.0
/// \file
/// SemaphoreState: a semaphore as it lies in shared memory, and its operations where nobody waits.
#pragma once

#include <multiprocessing/detail/memory/bell.hpp>
#include <multiprocessing/detail/memory/holders.hpp>
#include <multiprocessing/detail/memory/kind_text.hpp>
#include <multiprocessing/detail/synchronize/permit_word.hpp>
#include <multiprocessing/errors.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace multiprocessing::detail {

/// A count of permits, and, while it is a resource, who holds them. `word` is the truth of both:
///
///                    word                            account of the entry that it names
/// nothing owed       tag T, or kind none             tag T (any with none)
/// owed               tag T                           another tag: what `kind` says is still to be counted in
///
/// An operation changes the word by one compare-and-swap, which names the caller's entry, then stores the account. Who wants to
/// name another entry counts in first what is owed: see settle(). So, killed
///
///   before the exchange        nothing has happened
///   between both               the permit has changed hands, and the next operation counts it in
///   helping                    before: still owed. After: done. The owner stores the same, or is dead
///
/// A signal owes nothing to anybody: its word says all.
///
/// All else is done in the monitor, see semaphore_slow.hpp. Whoever needs the accounts to stand still sets W, which shuts the
/// way past the monitor. W mirrors the bell: each change of the word in the monitor leaves it set just if the bell's word is,
/// so that a death which leaves W behind costs the next operations a detour and nothing else.
///
/// bell.word    W      who sleeps
/// 0            0      nobody, or one is under way or is owed a wake-up, who looks and sets both again
/// 0            1      the same: the next change of the word takes W away
/// W            1      perhaps somebody: a release enters the monitor, names the bell to the kernel, then adds the permit
/// W            0      only inside the monitor, before W is set
///
/// The first three accounts share the word's line. Changing this raises `ArenaHeader::current_version`.
struct alignas(32) SemaphoreState {
  static constexpr std::uint32_t most = most_permits;
  static constexpr std::uint32_t unbounded = most;
  static constexpr std::uint32_t room = most_holders;

  SemaphoreState(std::uint32_t value, std::uint32_t limit)
      : word(PermitWord::resource(value).bits()), capacity(value), bound(limit) {}

  std::atomic<std::uint64_t> word;                          // PermitWord
  std::array<std::atomic<std::uint64_t>, room> accounts{};  // Account; written by who owns the entry, and by who helps
  std::array<std::atomic<std::uint32_t>, room> owners{};    // OwnerRef, 0: free; claimed in the monitor while W stands
  std::uint32_t capacity;                                   // permits at the beginning
  std::uint32_t bound;                                      // the most there may be
  std::atomic<std::uint32_t> used{0};                       // entries that were ever claimed; raised before the entry is

  // Of the slow path, off the lines that every operation reads.
  alignas(32) LockState monitor;
  Bell bell;
  std::atomic<std::uint32_t> step{0};          // of the last bulk operation; written before it, in the monitor
  std::atomic<std::uint32_t> last_sleeper{0};  // OwnerRef of who went to sleep last: the next one watches it
  std::atomic<std::uint32_t> unwatched{0};  // 1: a permit was taken, or a watch given up, since somebody looked at all
  std::atomic<std::uint32_t> sleepers{0};   // how many sleep, and some that died asleep
  std::atomic<std::uint64_t> restored{0};   // of a resource: permits given back for the dead, to absorb; see restore()
};
static_assert(offsetof(SemaphoreState, accounts) == 8 && sizeof(SemaphoreState) == 1600);

/// The checked start value of a semaphore.
template <class Count>
std::uint32_t checked_permits(const char* type, Count value) {
  if (std::cmp_less(value, 0) || std::cmp_greater(value, SemaphoreState::most))
    throw ValueError(std::string(type) + ": semaphore initial value must be >= 0 and at most 2147483647, not " +
                     std::to_string(value));
  return static_cast<std::uint32_t>(value);
}

namespace semaphore {

using Kind = PermitWord::Kind;

/// No thread: the owner of permits that were kept by one that ended in order.
inline constexpr OwnerRef kept_holder(slot_limit, 0);

// Where this thread last found its entry in a semaphore of such an address; the entry's owner tells whether it is right.
inline thread_local constinit std::array<std::uint8_t, 64> entry_hints{};

inline std::uint8_t& hint_for(const SemaphoreState& state) noexcept {
  return entry_hints[reinterpret_cast<std::uintptr_t>(&state) / cache_line % entry_hints.size()];
}

// Acquire, here and where an exchange fails: what is read of the accounts and their owners is not older than the word.
inline PermitWord word_of(const SemaphoreState& state) noexcept {
  return PermitWord(state.word.load(std::memory_order_acquire));
}
inline Account account_of(const SemaphoreState& state, std::uint32_t entry) noexcept {
  return Account(state.accounts[entry].load(std::memory_order_relaxed));
}
inline OwnerRef owner_of(const SemaphoreState& state, std::uint32_t entry) noexcept {
  return OwnerRef(state.owners[entry].load(std::memory_order_relaxed));
}

/// The calling thread's entry, or `room`. To be asked after the word was read: an entry is given to another only while W stands,
/// and the word is another one after that.
inline std::uint32_t search_entry(const ThreadIdentity& self, const SemaphoreState& state) noexcept {
  const std::uint32_t used = std::min(state.used.load(std::memory_order_relaxed), SemaphoreState::room);
  for (std::uint32_t i = 0; i < used; ++i) {
    if (owner_of(state, i) != self.owner) continue;
    hint_for(state) = static_cast<std::uint8_t>(i);
    return i;
  }
  return SemaphoreState::room;
}
// Always inline, here and below: the slow paths use them too, and with so many callers g++ would make the quick ones call them.
[[gnu::always_inline]] inline std::uint32_t entry_of(const ThreadIdentity& self, const SemaphoreState& state) noexcept {
  const std::uint32_t hint = hint_for(state);
  if (state.owners[hint].load(std::memory_order_relaxed) == self.owner.bits()) [[likely]] return hint;
  return search_entry(self, state);
}

/// Counts in what the operation that left `now` owes. Anybody may, any number of times.
inline void settle(SemaphoreState& state, PermitWord now) noexcept {
  if (now.is_signal() || now.kind() == Kind::none) return;
  std::atomic<std::uint64_t>& account = state.accounts[now.entry()];
  // Acquire, both: the account and the step are older than the look at the word below.
  std::uint64_t seen = account.load(std::memory_order_acquire);
  if (Account(seen).tag() == now.tag()) return;
  const std::uint32_t step = state.step.load(std::memory_order_acquire);
  // An account with another tag is one from before the operation, or from after a later one: then the word has gone on.
  if (state.word.load(std::memory_order_relaxed) != now.bits()) return;
  const Account counted(Account(seen).after(now.kind(), step), now.tag(), true);
  // Release: whoever names another entry in the word after this shows it together with that. If it fails, the owner was faster.
  account.compare_exchange_strong(seen, counted.bits(), std::memory_order_release, std::memory_order_relaxed);
}

/// Changes the word from `now` to `next`. False when another came first; then `now` is what it left.
/// Acquire: what was done under the permit before is seen. Release: so is, with the word, that what it owed is counted in.
inline bool exchange(SemaphoreState& state, PermitWord& now, PermitWord next) noexcept {
  std::uint64_t expected = now.bits();
  if (state.word.compare_exchange_strong(expected, next.bits(), std::memory_order_acq_rel, std::memory_order_acquire)) [[likely]]
    return true;
  now = PermitWord(expected);
  return false;
}

/// One operation by `entry` on a resource, of `step` permits; it leaves W as said. False as exchange() says.
/// Killed between the exchange and the end: see SemaphoreState.
[[gnu::always_inline]] inline bool commit(SemaphoreState& state, PermitWord& now, std::uint32_t entry, Kind kind,
                                          bool waits = false, std::uint32_t step = 1) noexcept {
  const PermitWord next = now.after(entry, kind, kind == Kind::acquire ? -1 : std::int64_t{step}, waits);
  const Account before = account_of(state, entry);
  // When the last operation was another's, it may still owe; and this one's tag may by chance be the one that is here already, so
  // that it would look as if counted in: that tag is left out.
  if (now.entry() != entry || now.tag() != before.tag()) [[unlikely]] {
    if (account_of(state, now.entry()).tag() != now.tag()) settle(state, now);
    if (next.tag() == before.tag()) {
      if (exchange(state, now, now.after(now.entry(), Kind::none, 0, now.waits()))) now = word_of(state);
      return false;
    }
  }
  // Release: who reads this step for an earlier operation finds that one counted in.
  if (kind == Kind::bulk) state.step.store(step, std::memory_order_release);
  if (!exchange(state, now, next)) [[unlikely]] return false;
  // Relaxed: whoever needs it does not wait for it, but helps.
  state.accounts[entry].store(Account(before.after(kind, step), next.tag()).bits(), std::memory_order_relaxed);
  return true;
}

/// What a release leaves that no account covers.
struct Released {
  std::uint64_t value;
  std::uint32_t absorbed;
};
inline Released released(const SemaphoreState& state, std::uint32_t value, std::uint32_t to_absorb,
                         std::uint32_t count) noexcept {
  const std::uint64_t sum = std::uint64_t{value} + count;
  if (to_absorb == 0) [[likely]] return {sum, 0};
  const std::uint64_t beyond = sum - std::min<std::uint64_t>(sum, state.capacity);
  const auto absorbed = static_cast<std::uint32_t>(std::min<std::uint64_t>({beyond, to_absorb, count}));
  return {sum - absorbed, absorbed};
}

/// Takes a permit if that needs no more than an exchange.
inline bool try_acquire(const ThreadIdentity& self, SemaphoreState& state) noexcept {
  for (PermitWord now = word_of(state); !now.shut();) {
    if (now.is_signal()) {
      if (exchange(state, now, now.after(-1, 0))) return true;
      continue;
    }
    const std::uint32_t mine = entry_of(self, state);
    if (mine == SemaphoreState::room) return false;
    if (commit(state, now, mine, Kind::acquire)) return true;
  }
  return false;
}

/// Gives permits back if that needs no more than an exchange, and wakes nobody.
inline bool try_release(const ThreadIdentity& self, SemaphoreState& state, std::uint32_t count) noexcept {
  for (PermitWord now = word_of(state); !now.waits();) {
    if (now.is_signal()) {
      const auto [value, absorbed] = released(state, now.value(), now.to_absorb(), count);
      if (value > state.bound) return false;
      if (exchange(state, now, now.after(std::int64_t{count} - absorbed, absorbed))) return true;
      continue;
    }
    const std::uint32_t mine = entry_of(self, state);
    // A resource's value and what is held never exceed the capacity, so that the bound need not be asked.
    if (count != 1 || mine == SemaphoreState::room || account_of(state, mine).count() == 0) return false;
    if (commit(state, now, mine, Kind::release)) return true;
  }
  return false;
}

}  // namespace semaphore

inline constexpr KindText semaphore_text{
    nullptr, [](const ArenaMemory& arena, const void* at) {
      const auto& state = *static_cast<const SemaphoreState*>(at);
      const PermitWord now = semaphore::word_of(state);
      std::string text = "value " + std::to_string(now.value()) + (now.is_signal() ? ", a signal" : "");
      const std::uint32_t used = std::min(state.used.load(std::memory_order_relaxed), SemaphoreState::room);
      for (std::uint32_t i = 0; !now.is_signal() && i < used; ++i) {
        const OwnerRef owner = semaphore::owner_of(state, i);
        if (owner && owner != semaphore::kept_holder && semaphore::account_of(state, i).count() != 0)
          text += "; held by " + thread_text(arena, owner);
      }
      return text;
    }};
inline const bool semaphore_is_described = describe_kind(ObjectKind::semaphore, semaphore_text);

}  // namespace multiprocessing::detail
