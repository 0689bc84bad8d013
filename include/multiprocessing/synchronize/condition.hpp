// SPDX-License-Identifier: BSL-1.0
/// \file
/// Condition: waiting, with a lock given up meanwhile, until somebody notifies.
#pragma once

#include <multiprocessing/detail/synchronize/timed_lockable.hpp>
#include <multiprocessing/synchronize/lock.hpp>
#include <multiprocessing/synchronize/rlock.hpp>

#include <multiprocessing/detail/memory/condition_node.hpp>
#include <multiprocessing/detail/memory/kind_text.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <utility>
#include <variant>

namespace multiprocessing {

namespace detail {

/// A condition as it lies in shared memory; its waiters are nodes in the threads' slots. Changed under the condition's
/// lock only. Changing this raises `ArenaHeader::current_version`.
struct ConditionState {
  std::atomic<std::uint64_t> turns{0};     // waits that have begun
  std::atomic<std::uint64_t> returned{0};  // waits that have ended; the others wait, or died waiting
};

namespace condition {

/// Enters the calling thread, which holds the lock, among those who wait; returns its ticket.
inline std::uint64_t begin(const ThreadIdentity& self, ConditionState& state) noexcept {
  ThreadSlot& slot = *self.slot;
  const std::uint64_t turn = state.turns.load(std::memory_order_relaxed) + 1;
  const std::uint64_t ticket = condition_node::next_ticket(slot, turn);
  state.turns.store(turn, std::memory_order_relaxed);
  slot.condition.store(self.arena.offset_of(&state), std::memory_order_relaxed);
  slot.ticket.store(ticket, std::memory_order_relaxed);
  slot.node.store(NodeState::waiting(ticket), std::memory_order_release);  // after the two that explain it
  return ticket;
}

/// Sleeps until this thread's node is notified or `deadline` has passed; returns whether it was notified. `before_me`: whom it
/// watches, then and at last.
inline bool sleep(const ThreadIdentity& self, std::uint64_t condition, std::uint64_t ticket, OwnerRef& before_me,
                  const Deadline& deadline) {
  FutexWord& node = self.slot->node;
  const std::uint32_t waiting = NodeState::waiting(ticket);
  const IntentGuard intent(self, Intent::wait, &node);
  for (;;) {
    // Acquire: with the notifier's release.
    std::uint32_t seen = node.load(std::memory_order_acquire);
    if ((seen & ~NodeState::marked) != waiting) return true;
    if (deadline.passed()) {
      // Whoever notifies me from now on comes too late and chooses another; or I was notified in time.
      while (!node.compare_exchange_weak(seen, NodeState::idle, std::memory_order_acq_rel, std::memory_order_acquire))
        if ((seen & ~NodeState::marked) != waiting) return true;
      return false;
    }
    const bool woken = sleep_on(self.arena, node, waiting, std::array{before_me}, deadline);
    if ((node.load(std::memory_order_relaxed) & ~NodeState::marked) != waiting) continue;
    if (!woken || (before_me && is_dead(self.arena, before_me)))
      condition_node::pass_on(self.robust_list, self.arena, condition);  // perhaps to this thread
    node.fetch_and(~NodeState::marked, std::memory_order_acq_rel);  // before the look: a later mark is for the next one
    before_me = condition_node::before(self.arena, condition, ticket);
  }
}

}  // namespace condition

inline constexpr KindText condition_text{
    nullptr, [](const ArenaMemory& arena, const void* state) {
      return std::to_string(condition_node::count_waiters(arena, arena.offset_of(state))) + " wait to be notified";
    }};
inline const bool condition_is_described = describe_kind(ObjectKind::condition, condition_text);

}  // namespace detail

/// Waiting, with a lock given up meanwhile, until somebody notifies; the counterpart of Python's `multiprocessing.Condition`.
///
/// Several conditions may share one lock. Of an RLock, wait() gives up every level and takes them all back.
///
/// Shared:  copies refer to one condition and one lock; pass them to a Process or capture them in a lambda.
/// Threads: every member may be called from any thread of any process.
/// Fork:    who waits across fork waits once, in the parent.
/// Death:   dead waiters are skipped; a notification that a waiter took to its death is passed on to the next; a notifier
///          killed inside notify() has woken each waiter or not. Of the lock, as its type says: see get_lock().owner_died().
/// Cost:    notify() makes no system call when nobody waits; else it looks at the slot of each thread of the family. The
///          last one notified is woken when the lock is released, which it needs.
class Condition : public detail::TimedLockable<Condition> {
 public:
  Condition() : Condition(RLock()) {}
  explicit Condition(Lock lock) : Condition(std::variant<Lock, RLock>(std::move(lock))) {}
  explicit Condition(RLock lock) : Condition(std::variant<Lock, RLock>(std::move(lock))) {}

  /// Takes, gives back the lock; as its own members do.
  bool acquire(Timeout timeout = std::nullopt) const {
    return std::visit([&](const auto& lock) { return lock.acquire(timeout); }, lock_);
  }
  void release() const {
    std::visit([](const auto& lock) { lock.release(); }, lock_);
  }

  /// Gives the lock up, waits to be notified or for `timeout`, and takes the lock again, however long that takes. Returns whether
  /// it was notified. Throws AssertionError when the calling thread does not hold the lock.
  bool wait(Timeout timeout = std::nullopt) const {
    detail::ThreadIdentity& self = detail::this_thread();
    detail::ConditionState& state = *state_;
    if (!is_mine(self)) throw AssertionError("Condition.wait: must acquire() condition before using wait()");
    const std::uint64_t offset = self.arena.offset_of(&state);
    const detail::Deadline deadline(timeout);
    const bool alone = state.turns.load(std::memory_order_relaxed) == state.returned.load(std::memory_order_relaxed);
    const std::uint64_t ticket = detail::condition::begin(self, state);
    detail::OwnerRef before = alone ? detail::OwnerRef() : detail::condition_node::before(self.arena, offset, ticket);
    const std::uint32_t depth = give_up(self);
    const bool notified = detail::condition::sleep(self, offset, ticket, before, deadline);
    take_back(self, depth);
    // With the lock: until here its death passes its notification on.
    self.slot->node.store(detail::NodeState::idle, std::memory_order_release);
    state.returned.store(state.returned.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    // Now that it is idle, who came after me looks past me.
    detail::condition_node::hand_on(self.robust_list, self.arena, offset, ticket, before);
    return notified;
  }

  /// Waits until `predicate()` is true or `timeout` has passed in all; returns what it was last, as Python's wait_for.
  template <std::predicate Predicate>
  bool wait_for(Predicate predicate, Timeout timeout = std::nullopt) const {
    const detail::Deadline deadline(timeout);
    bool result = std::invoke(predicate);
    while (!result) {
      if (deadline.forever()) {
        wait();
      } else {
        if (deadline.passed()) break;
        wait(deadline.left());
      }
      result = std::invoke(predicate);
    }
    return result;
  }

  /// Wakes up to `n` of those who wait, the longest waiting first; nobody if it is not positive. Throws AssertionError when the
  /// calling thread does not hold the lock.
  template <std::integral Count = int>
  void notify(Count n = 1) const {
    if (std::cmp_less(n, 0)) n = 0;
    notify_some(static_cast<std::uint32_t>(std::min<std::uint64_t>(static_cast<std::uint64_t>(n), detail::slot_limit)));
  }
  /// Wakes all who wait.
  void notify_all() const { notify_some(detail::slot_limit); }

  /// The lock, for its owner_died() among others.
  const std::variant<Lock, RLock>& get_lock() const { return lock_; }

  /// How it is sent: see detail/memory/shared_ref.hpp.
  template <class Archive>
  void serialize(Archive& archive) {
    state_.serialize(archive);
    bool recursive = std::holds_alternative<RLock>(lock_);
    archive(recursive);
    if constexpr (Archive::loading) {
      if (recursive != std::holds_alternative<RLock>(lock_)) lock_ = Lock();
    }
    std::visit([&](auto& lock) { lock.serialize(archive); }, lock_);
  }

  /// Whether both refer to one condition.
  friend bool operator==(const Condition& a, const Condition& b) { return a.state_ == b.state_; }

  /// Python's `<Condition(<RLock(...)>, 0)>`: its lock, and how many wait.
  friend std::ostream& operator<<(std::ostream& out, const Condition& condition) {
    const detail::ArenaMemory arena = detail::the_arena();
    const std::uint32_t waiters = detail::condition_node::count_waiters(arena, arena.offset_of(&*condition.state_));
    std::visit([&](const auto& lock) { out << "<Condition(" << lock << ", " << waiters << ")>"; }, condition.lock_);
    return out;
  }

 private:
  explicit Condition(std::variant<Lock, RLock> lock)
      : state_(detail::SharedRef<detail::ConditionState>::make(
            detail::ObjectKind::condition, 0, [](void* at) { return new (at) detail::ConditionState; })),
        lock_(std::move(lock)) {}

  void notify_some(std::uint32_t count) const {
    detail::ThreadIdentity& self = detail::this_thread();
    detail::ConditionState& state = *state_;
    if (!is_mine(self)) throw AssertionError("Condition.notify: lock is not owned");
    if (state.turns.load(std::memory_order_relaxed) == state.returned.load(std::memory_order_relaxed)) return;
    detail::condition_node::notify(self.robust_list, self.arena, self.arena.offset_of(&state), count, &word());
  }

  detail::LockState& word() const {
    return std::visit([](const auto& lock) -> detail::LockState& { return lock.lock_state(); }, lock_);
  }
  bool is_mine(const detail::ThreadIdentity& self) const {
    return detail::OwnerRef(word().word.load(std::memory_order_relaxed)) == self.owner;
  }
  std::uint32_t give_up(const detail::ThreadIdentity& self) const {
    const RLock* recursive = std::get_if<RLock>(&lock_);
    const std::uint32_t depth = recursive != nullptr ? recursive->state_->depth.load(std::memory_order_relaxed) : 1;
    detail::lock::release(self, word());
    return depth;
  }
  void take_back(const detail::ThreadIdentity& self, std::uint32_t depth) const {
    detail::lock::acquire(self, word(), {});
    if (const RLock* recursive = std::get_if<RLock>(&lock_))
      recursive->state_->depth.store(depth, std::memory_order_relaxed);
  }

  detail::SharedRef<detail::ConditionState> state_;
  std::variant<Lock, RLock> lock_;
};

}  // namespace multiprocessing
