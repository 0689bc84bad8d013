// SPDX-License-Identifier: BSL-1.0
/// \file
/// The waiters of a condition: a node in each thread's slot, changed by single stores, so that no list can be left torn.
#pragma once

#include <multiprocessing/detail/memory/lock_state.hpp>
#include <multiprocessing/detail/memory/thread_identity.hpp>
#include <multiprocessing/detail/os/futex.hpp>

#include <atomic>
#include <cstdint>

namespace multiprocessing::detail {

/// States of a node.
///
/// waiting    its thread waits for `condition`, in the order of `ticket`     notify: CAS to notified; woken by the next notification,
///                                                                           or by the release of the lock
/// notified   it was chosen and has not got its lock back yet                by itself, with the lock: idle
///            ...and is dead: whoever sees it notifies another instead       then: idle
/// idle       it waits for nothing, or has stopped waiting
///
/// `notified` has its low 30 bits zero: the notifier names the node to the kernel from before the store until the wake, and if
/// it dies in between the kernel wakes the waiter. `waiting` carries a number that differs from that of the slot's last 16 million waits, so that
/// who has looked at one wait never notifies another. Each waiter watches the one before it, and who leaves while that one has not
/// come back hands the watch on: it marks the node of the next, who takes the mark away before it looks whom to watch, and does not
/// go to sleep on a marked node.
struct NodeState {
  static constexpr std::uint32_t notified = 0, idle = word_owner | 2;
  static constexpr std::uint32_t marked = 1u << 30;
  static constexpr unsigned turn_bits = 24;

  static constexpr std::uint32_t waiting(std::uint64_t ticket) {
    return word_owner | (static_cast<std::uint32_t>(ticket) & ((1u << turn_bits) - 1)) << 2 | 1;
  }
  static constexpr bool is_waiting(std::uint32_t node) { return (node & 3) == 1; }
};

namespace condition_node {

/// The ticket of a slot's next wait: its turn at the condition, and below it what makes its node differ from the last one's.
inline std::uint64_t next_ticket(const ThreadSlot& slot, std::uint64_t turn) noexcept {
  const std::uint64_t last = slot.ticket.load(std::memory_order_relaxed);
  return turn << NodeState::turn_bits | ((last + 1) & ((std::uint64_t{1} << NodeState::turn_bits) - 1));
}

inline OwnerRef owner_of(const ArenaMemory& arena, const ThreadSlot& slot) noexcept {
  return OwnerRef(static_cast<std::uint32_t>(&slot - &arena.thread(0)),
                  slot.generation.load(std::memory_order_relaxed));
}

/// Calls `visit(slot, node)` for each thread that waits for `condition` or was notified and has not come back, dead or alive.
template <class Visit>
void for_each(const ArenaMemory& arena, std::uint64_t condition, Visit visit) noexcept {
  const std::uint32_t ready = arena.header().thread_slots_ready.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < ready; ++i) {
    ThreadSlot& slot = arena.thread(i);
    // Acquire: the condition and the ticket were written before the node said that its thread waits.
    const std::uint32_t node = slot.node.load(std::memory_order_acquire);
    if (node != NodeState::idle && slot.condition.load(std::memory_order_relaxed) == condition) visit(slot, node);
  }
}

/// One who waits, and its node as it was seen.
struct Waiter {
  ThreadSlot* slot = nullptr;
  std::uint32_t node = 0;
  std::uint64_t ticket = 0;
};

/// The living waiter with the lowest ticket above `after`; none if nobody waits.
inline Waiter first_waiter(const ArenaMemory& arena, std::uint64_t condition, std::uint64_t after = 0) noexcept {
  Waiter first;
  for_each(arena, condition, [&](ThreadSlot& slot, std::uint32_t node) {
    const std::uint64_t ticket = slot.ticket.load(std::memory_order_relaxed);
    if (!NodeState::is_waiting(node) || ticket <= after || (first.slot != nullptr && ticket > first.ticket)) return;
    if (!is_dead(arena, owner_of(arena, slot))) first = {&slot, node, ticket};
  });
  return first;
}

/// How many wait.
inline std::uint32_t count_waiters(const ArenaMemory& arena, std::uint64_t condition) noexcept {
  std::uint32_t count = 0;
  for_each(arena, condition, [&](ThreadSlot& slot, std::uint32_t node) {
    if (NodeState::is_waiting(node) && !is_dead(arena, owner_of(arena, slot))) ++count;
  });
  return count;
}

/// Whom the waiter with `ticket` watches: who came last before it and has not come back. The dead count only if they were
/// notified, since then their notification is to be passed on.
inline OwnerRef before(const ArenaMemory& arena, std::uint64_t condition, std::uint64_t ticket) noexcept {
  OwnerRef last;
  std::uint64_t highest = 0;
  for_each(arena, condition, [&](ThreadSlot& slot, std::uint32_t node) {
    const std::uint64_t here = slot.ticket.load(std::memory_order_relaxed);
    if (here >= ticket || here <= highest) return;
    const OwnerRef owner = owner_of(arena, slot);
    if (NodeState::is_waiting(node) && is_dead(arena, owner)) return;
    last = owner, highest = here;
  });
  return last;
}

inline void pass_on_from(const RobustList& robust_list, const ArenaMemory& arena, ThreadSlot& slot) noexcept;

/// Wakes who was notified under a lock and left to its release. The caller names its node to the kernel.
inline void wake_notified(const RobustList& robust_list, const ArenaMemory& arena, ThreadSlot& slot) noexcept {
  futex_wake(slot.node, 1);
  // It may have died since it was looked at, and nobody may have seen that it was notified. (The system call is the barrier
  // between the store of `notified` and this look, for one who looks at the two in the other order.)
  if (is_dead(arena, owner_of(arena, slot))) pass_on_from(robust_list, arena, slot);
}

/// Wakes now who was left to the release of `held`: only one node can be named to the kernel. (Relaxed, as all of
/// `until_release`: the lock orders it.)
inline void wake_due(const RobustList& robust_list, const ArenaMemory& arena, LockState& held) noexcept {
  const auto due = LockState::notified_in(held.until_release.load(std::memory_order_relaxed));
  if (!due) return;
  ThreadSlot& slot = arena.thread(*due);
  wake_notified(robust_list, arena, slot);
  held.until_release.fetch_and(LockState::taken_over, std::memory_order_relaxed);
  if (robust_list.named() == &slot.node) robust_list.pending(nullptr);
}

/// Notifies up to `count` waiters, the longest waiting first; skips the dead. Each is woken before the next is chosen. The caller
/// holds the condition's lock, `held`, and leaves the last wake-up to its release, if nothing else is named to the kernel; or passes
/// on what a dead waiter was notified of.
inline void notify(const RobustList& robust_list, const ArenaMemory& arena, std::uint64_t condition, std::uint32_t count,
                   LockState* held = nullptr) noexcept {
  while (count > 0) {
    Waiter waiter = first_waiter(arena, condition);
    if (waiter.slot == nullptr) return;
    FutexWord& node = waiter.slot->node;
    const OwnerRef owner = owner_of(arena, *waiter.slot);
    if (held != nullptr) wake_due(robust_list, arena, *held);
    // What is named still is of another lock, or of who runs this: it keeps its name, and is paid for the moment without it.
    const FutexWord* named = robust_list.named();
    robust_list.pay();
    robust_list.pending(&node);  // before the store: from then on a wake-up is owed
    // Release: what the notifier did is seen by the notified even before it has the lock.
    const bool chosen = node.compare_exchange_strong(waiter.node, NodeState::notified, std::memory_order_release,
                                                     std::memory_order_relaxed);
    if (chosen && held != nullptr && named == nullptr) {
      // Not by fetch_or: one who misuses the lock may have left a due there.
      const std::uint32_t before = held->until_release.load(std::memory_order_relaxed);
      held->until_release.store((before & LockState::taken_over) | LockState::notified(owner.slot()), std::memory_order_relaxed);
      --count;
      continue;  // it stays named
    }
    if (chosen) {
      futex_wake(node, 1);
      std::uint32_t notified = NodeState::notified;
      const bool wasted =
          is_dead(arena, owner) && node.compare_exchange_strong(notified, NodeState::idle, std::memory_order_relaxed);
      if (!wasted) --count;
    }
    robust_list.pending(named);
  }
}

/// If the thread of `slot` died notified, notifies another in its stead. Another first: to be notified twice is harmless,
/// since a waiter looks at what it waits for; to be forgotten is not.
inline void pass_on_from(const RobustList& robust_list, const ArenaMemory& arena, ThreadSlot& slot) noexcept {
  const std::uint64_t condition = slot.condition.load(std::memory_order_acquire);
  if (condition == 0 || slot.node.load(std::memory_order_acquire) != NodeState::notified) return;
  notify(robust_list, arena, condition, 1);
  std::uint32_t notified = NodeState::notified;
  slot.node.compare_exchange_strong(notified, NodeState::idle, std::memory_order_relaxed);
}

/// The same for all threads that died notified for `condition`.
inline void pass_on(const RobustList& robust_list, const ArenaMemory& arena, std::uint64_t condition) noexcept {
  for_each(arena, condition, [&](ThreadSlot& slot, std::uint32_t node) {
    if (node == NodeState::notified && is_dead(arena, owner_of(arena, slot))) pass_on_from(robust_list, arena, slot);
  });
}

/// Makes the node of a dead thread idle for the slot's next life; the caller holds its token.
inline void clear(const RobustList& robust_list, const ArenaMemory& arena, ThreadSlot& slot) noexcept {
  for (;;) {
    pass_on_from(robust_list, arena, slot);
    std::uint32_t node = slot.node.load(std::memory_order_acquire);
    const bool unused = slot.condition.load(std::memory_order_relaxed) == 0;
    // Not blindly: a notifier may choose it even now.
    if ((node != NodeState::notified || unused) &&
        slot.node.compare_exchange_strong(node, NodeState::idle, std::memory_order_acq_rel))
      return;
  }
}

/// For one that stops waiting, with `ticket`, and has watched `watched`: sees to it that somebody watches that one as long as it
/// has not come back.
inline void hand_on(const RobustList& robust_list, const ArenaMemory& arena, std::uint64_t condition,
                    std::uint64_t ticket, OwnerRef watched) noexcept {
  if (!watched) return;
  if (is_dead(arena, watched)) return pass_on(robust_list, arena, condition);
  const ThreadSlot& slot = arena.thread(watched.slot());
  if (slot.node.load(std::memory_order_acquire) == NodeState::idle) return;
  if (slot.condition.load(std::memory_order_relaxed) != condition) return;
  Waiter next = first_waiter(arena, condition, ticket);
  if (next.slot == nullptr) return;
  // Marked, since it may not sleep yet, and then would watch whom it has seen before. If the mark fails it was notified.
  next.slot->node.compare_exchange_strong(next.node, next.node | NodeState::marked, std::memory_order_acq_rel);
  futex_wake(next.slot->node, 1);  // it looks whom to watch now
}

}  // namespace condition_node

}  // namespace multiprocessing::detail
