// SPDX-License-Identifier: BSL-1.0
/// \file
/// The futex calls on words in shared memory, and the wait on several words at once.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdint>
#include <ctime>
#include <span>

namespace multiprocessing::detail {

/// A 32-bit word on which threads of any process can sleep.
using FutexWord = std::atomic<std::uint32_t>;
static_assert(sizeof(FutexWord) == 4 && FutexWord::is_always_lock_free);

inline constexpr int all_waiters = INT_MAX;

/// Wakes up to `count` threads that sleep on `word`; returns how many slept there.
inline int futex_wake(const FutexWord& word, int count) noexcept {
  const long woken = ::syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
  return woken > 0 ? static_cast<int>(woken) : 0;  // it fails only for an address that is not mapped
}

/// A word, and the value at which to sleep on it.
struct Sleep {
  const FutexWord* word;
  std::uint32_t value;
};

/// The most words that one sleep may name: the kernel's limit. Each costs about 5 % of a wake-up, so most name two.
inline constexpr std::size_t max_sleeps = 128;

namespace os {

inline timespec to_timespec(std::chrono::steady_clock::time_point at) noexcept {
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
  return {static_cast<time_t>(since / 1'000'000'000), static_cast<long>(since % 1'000'000'000)};
}

// 0: not asked yet, 1: the kernel has futex_waitv, 2: it hasn't (before 5.16, or refused by a filter). Two copies of it
// ask twice.
inline constinit std::atomic<int> waitv_state{0};

// The kernel's struct futex_waitv and its number, spelled out for headers older than 5.16.
struct FutexWaitv {
  std::uint64_t value, address;
  std::uint32_t flags, reserved;
};
inline constexpr long sys_futex_waitv = 449;    // the same on every architecture
inline constexpr std::uint32_t futex_32 = 2;    // a 32-bit word, not private to this process

}  // namespace os

/// Whether a sleep on several words at once is possible here. Until the first sleep the answer is yes.
inline bool futex_waitv_works() noexcept { return os::waitv_state.load(std::memory_order_relaxed) != 2; }

/// What ended a sleep: the time, a wake-up on the word, or something else (the word held another value, a signal).
enum class WakeUp { time, call, other };

/// Sleeps until `word` is woken or no longer holds `value`, or until `until` has come. May return early.
inline WakeUp futex_wait(const FutexWord& word, std::uint32_t value, std::chrono::steady_clock::time_point until) noexcept {
  const timespec at = os::to_timespec(until);
  // FUTEX_WAIT_BITSET takes an absolute time on CLOCK_MONOTONIC; FUTEX_WAIT would take a relative one.
  const long result = ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, value, &at, nullptr, FUTEX_BITSET_MATCH_ANY);
  return result == 0 ? WakeUp::call : errno == ETIMEDOUT ? WakeUp::time : WakeUp::other;
}

/// Sleeps until one of `sleeps` is woken, holds another value than stated, or `until` has come. May return early.
/// Returns false when it knows that nothing but the time has woken it. Where the kernel can't wait on several words it
/// waits on the first alone, so the caller must not count on the others: see futex_waitv_works().
inline bool futex_wait(std::span<const Sleep> sleeps, std::chrono::steady_clock::time_point until) noexcept {
  if (sleeps.size() > 1 && futex_waitv_works()) {
    const timespec at = os::to_timespec(until);
    os::FutexWaitv waits[max_sleeps];
    for (std::size_t i = 0; i < sleeps.size(); ++i)
      waits[i] = {sleeps[i].value, reinterpret_cast<std::uintptr_t>(sleeps[i].word), os::futex_32, 0};
    if (::syscall(os::sys_futex_waitv, waits, sleeps.size(), 0, &at, CLOCK_MONOTONIC) >= 0) return true;
    if (errno != ENOSYS && errno != EPERM) return errno != ETIMEDOUT;
    os::waitv_state.store(2, std::memory_order_relaxed);  // a flag on its own: nothing is published with it
    return true;
  }
  return futex_wait(*sleeps[0].word, sleeps[0].value, until) != WakeUp::time;
}

}  // namespace multiprocessing::detail
