// SPDX-License-Identifier: BSL-1.0
/// \file
/// LockState: a lock as it lies in shared memory.
#pragma once

#include <multiprocessing/detail/os/futex.hpp>

#include <atomic>
#include <cstdint>
#include <optional>

namespace multiprocessing::detail {

/// A lock that survives the death of anyone who uses it. Changing this raises `ArenaHeader::current_version`.
///
/// word                  acquire                                        release
/// 0        free         CAS to me: taken                               throws
/// W        free, some   CAS to me|W: taken                             throws
///          may sleep
/// X        held         set W, then sleep                              by X: CAS to 0; by another: CAS to 0
/// X|W      held, some   sleep on the word and on X's token             name the word to the kernel, CAS to W, wake one
///          may sleep
/// X dead   abandoned    CAS to me|W: taken over                        as held
///
/// Who sleeps has set W first, and W is cleared only by a holder that has just seen that nobody sleeps; so whoever frees
/// the word knows that it owes a wake-up. Who dies:
///
///   holder                       its token is marked; the kernel wakes a sleeper that watches it, who takes the lock over
///   holder that has notified     list_op_pending names the waiter's node: the kernel wakes the waiter, who takes the lock over
///   releaser after the CAS       list_op_pending names the word, whose low 30 bits are zero: the kernel wakes one sleeper
///   sleeper                      nothing is lost: no wake-up was meant for it alone
///   sleeper just woken           list_op_pending names the word since before the sleep: if the word is free the kernel
///                                wakes the next. If somebody has barged in, W stands and he wakes the next.
///   sleeper woken by a death     the next sleeper watches it too: each sleeper also watches the one who came before it
///
/// A sleeper whose time is up wakes another in its stead, since it may have been the only one to watch the holder. Two deaths in
/// one hand-over can leave a sleeper that watches neither; it looks by itself after `last_resort`.
struct LockState {
  FutexWord word{0};
  std::atomic<std::uint32_t> until_release{0};  // what holds until the next release: see below
  std::atomic<std::uint32_t> last_sleeper{0};   // OwnerRef of who went to sleep last: the next one watches it
  std::atomic<std::uint32_t> idle_wakes{0};     // 1 when the last wake-up found nobody: then W may be cleared

  /// In `until_release`: that the lock was taken over from a dead holder; and the slot of a condition's waiter that was notified and
  /// is woken by whoever releases the lock, since before it would only find the lock held. A holder that dies leaves both to
  /// the next.
  static constexpr std::uint32_t taken_over = 1;
  static constexpr std::uint32_t notified(std::uint32_t slot) { return (slot + 1) << 1; }
  static constexpr std::optional<std::uint32_t> notified_in(std::uint32_t until_release) {
    if (until_release <= taken_over) return std::nullopt;
    return (until_release >> 1) - 1;
  }
};
static_assert(sizeof(LockState) == 16);

}  // namespace multiprocessing::detail
