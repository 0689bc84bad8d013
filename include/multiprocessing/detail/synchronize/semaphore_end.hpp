// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a thread or process that ends in order does with the permits that it holds: it keeps them, as in Python.
#pragma once

#include <multiprocessing/detail/memory/reclaim.hpp>
#include <multiprocessing/detail/synchronize/semaphore_state.hpp>
#include <multiprocessing/util.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace multiprocessing::detail::semaphore {

// After every other finalizer: those of the program may still release.
inline constexpr int last_finalizer = -1000;

// What all threads that `ends` picks hold stays held, though they end: their entries are nobody's from now on, whose death would
// give it back. Without the monitors: who ends waits for nobody, and an object that is freed meanwhile is at most read.
template <class Ends>
void keep(const ThreadIdentity& self, Ends ends) {
  reclaim::for_each_object(self.arena, [&](ObjectHeader& object, auto) {
    const auto is_there = [&] { return object.id.load(std::memory_order_acquire) != 0; };
    if (object.kind != ObjectKind::semaphore || !is_there()) return;
    auto& state = *reinterpret_cast<SemaphoreState*>(reinterpret_cast<std::byte*>(&object) + object_offset);
    const std::uint32_t used = std::min(state.used.load(std::memory_order_relaxed), SemaphoreState::room);
    for (std::uint32_t i = 0; i < used; ++i) {
      std::uint32_t owner = state.owners[i].load(std::memory_order_relaxed);
      if (account_of(state, i).count() == 0 || OwnerRef(owner).slot() >= slot_limit || !ends(OwnerRef(owner))) continue;
      // One of these threads that is in the middle of an operation finishes it in this entry, and finds it gone at its next.
      if (is_there())
        state.owners[i].compare_exchange_strong(owner, kept_holder.bits(), std::memory_order_relaxed, std::memory_order_relaxed);
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
inline void expect_end(ThreadIdentity& self) {
  if (self.at_end != nullptr && keeps_at_exit.load(std::memory_order_relaxed) == self.process) return;
  self.at_end = &keep_at_thread_end;
  if (keeps_at_exit.exchange(self.process, std::memory_order_relaxed) != self.process)
    Finalize(last_finalizer, &keep_at_exit);
}

}  // namespace multiprocessing::detail::semaphore
