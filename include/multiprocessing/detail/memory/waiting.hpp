// SPDX-License-Identifier: BSL-1.0
/// \file
/// The sleep of a thread that waits for a word, and for the deaths that would change what the word means.
#pragma once

#include <multiprocessing/detail/memory/thread_identity.hpp>
#include <multiprocessing/detail/os/futex.hpp>
#include <multiprocessing/time.hpp>

#include <chrono>
#include <span>

namespace multiprocessing::detail {

/// The longest sleep without a look. No protocol needs it while at most one thread dies in the middle of it; after two deaths
/// in one hand-over it bounds what is lost.
inline constexpr std::chrono::milliseconds last_resort{150};
/// The same where the kernel can't wait on several words, so that deaths are found by looking.
inline constexpr std::chrono::milliseconds last_resort_on_one_word{10};

/// Sleeps until `word` no longer holds `value`, it is woken, one of `watched` dies, `deadline` passes, or the last resort.
/// Returns false when only time has passed. Returns at once when one of `watched` is dead: ask is_dead() first. Who learns of a
/// death wakes all others who watched.
inline bool sleep_on(const ArenaMemory& arena, const FutexWord& word, std::uint32_t value,
                     std::span<const OwnerRef> watched, const Deadline& deadline) noexcept {
  Sleep sleeps[max_sleeps];  // not initialised: two of them are used, as a rule
  sleeps[0] = {&word, value};
  std::size_t count = 1;
  for (const OwnerRef owner : watched) {
    if (!owner || count == max_sleeps) continue;
    const FutexWord& token = arena.thread(owner.slot()).token.word();
    const std::uint32_t seen = token.load(std::memory_order_acquire);
    if (is_dead(arena, owner)) return true;
    sleeps[count++] = {&token, seen};
  }
  const auto limit = futex_waitv_works() || count == 1 ? last_resort : last_resort_on_one_word;
  const bool woken = futex_wait({sleeps, count}, deadline.at_most(limit));
  // The kernel wakes one of those who watch the dead, who may wait for different things.
  for (const OwnerRef owner : watched)
    if (owner && is_dead(arena, owner)) futex_wake(arena.thread(owner.slot()).token.word(), all_waiters);
  return woken;
}

}  // namespace multiprocessing::detail
