// SPDX-License-Identifier: BSL-1.0
/// \file
/// ThreadIdentity: who the calling thread is to the other processes, and whether another still lives.
#pragma once

#include <multiprocessing/detail/memory/arena_memory.hpp>
#include <multiprocessing/detail/memory/owner_ref.hpp>
#include <multiprocessing/detail/os/cpus.hpp>
#include <multiprocessing/detail/os/robust_list.hpp>

#include <atomic>
#include <cstdint>

namespace multiprocessing::detail {

/// What stands in for the process's page before there is an arena.
inline constinit ProcessPage no_process_page{};

/// The calling thread as the arena knows it. Valid while `process` equals what the process's page says: in a child the page
/// reads zero, so a copy that fork made is never used.
struct ThreadIdentity {
  const ProcessPage* page = &no_process_page;
  std::uint32_t process = ~std::uint32_t{0};  // ProcessRef; never what a page holds until registered
  OwnerRef owner;
  ThreadSlot* slot = nullptr;
  ArenaMemory arena;
  RobustList robust_list;
  void (*at_end)() noexcept = nullptr;  // set by what has something to say when this thread ends in order

  /// Relaxed: the page is private to this process, and only equality with what this thread itself saw counts.
  bool valid() const noexcept { return page->process.load(std::memory_order_relaxed) == process; }
};

inline thread_local constinit ThreadIdentity thread_identity{};

/// The arena as this copy of the library found or made it. (Two copies have two of these, with one value.)
inline constinit std::atomic<std::byte*> arena_base{nullptr};

/// The calling process, 0 when it has not registered yet, as a child has not that only reads.
inline ProcessRef this_process(const ArenaMemory& arena) noexcept {
  return ProcessRef(arena.process_page().process.load(std::memory_order_relaxed));
}

inline ProcessRef process_ref(const ArenaMemory& arena, std::uint32_t slot) noexcept {
  return ProcessRef(slot, arena.process(slot).generation.load(std::memory_order_relaxed));
}

/// Whether a sibling can run while this thread spins.
inline bool may_spin(const ThreadIdentity& self) noexcept {
  auto& cpus = const_cast<std::atomic<std::uint32_t>&>(self.page->cpus);
  std::uint32_t count = cpus.load(std::memory_order_relaxed);
  if (count == 0) cpus.store(count = static_cast<std::uint32_t>(usable_cpus()), std::memory_order_relaxed);
  return count > 1;
}

/// Whether the thread that `owner` names is dead: its slot has begun another life, or its token says so. Three loads of a line.
inline bool is_dead(const ArenaMemory& arena, OwnerRef owner) noexcept {
  if (owner.slot() >= slot_limit) return true;  // no such slot: a word that nobody of ours wrote
  const ThreadSlot& slot = arena.thread(owner.slot());
  // In this order. The next life takes the token, then bumps the generation, then writes its id: so who reads its token
  // reads either another id here, or the new generation below. Without the id, the dead would pass for alive until the
  // bump, and who goes to sleep on the token in between would have missed the wake-up that comes with the bump.
  const std::uint32_t holder = token_owner(slot.token.word().load(std::memory_order_acquire));
  if (holder == 0 || holder != slot.thread_id.load(std::memory_order_acquire)) return true;
  return (slot.generation.load(std::memory_order_acquire) & 0xffffu) != owner.generation();
}

/// Says what this thread is about to do, for whoever finds it dead. Plain stores: read only after its death, or as a hint.
class IntentGuard {
 public:
  IntentGuard(const ThreadIdentity& self, Intent intent, const void* object) : slot_(*self.slot) {
    before_ = slot_.intent.load(std::memory_order_relaxed);
    before_object_ = slot_.object.load(std::memory_order_relaxed);
    // The object before the intent, so that a death in between leaves no intent on a wrong object (release).
    slot_.intent.store(0, std::memory_order_relaxed);
    slot_.object.store(self.arena.offset_of(object), std::memory_order_release);
    slot_.intent.store(static_cast<std::uint32_t>(intent), std::memory_order_release);
  }
  IntentGuard(const IntentGuard&) = delete;
  IntentGuard& operator=(const IntentGuard&) = delete;
  ~IntentGuard() {
    slot_.intent.store(0, std::memory_order_release);
    slot_.object.store(before_object_, std::memory_order_release);
    slot_.intent.store(before_, std::memory_order_release);  // a signal handler gives back what it interrupted
  }

 private:
  ThreadSlot& slot_;
  std::uint32_t before_;
  std::uint64_t before_object_;
};

/// Names a word to the kernel for as long as this thread may owe it a wake-up.
class PendingGuard {
 public:
  PendingGuard(const ThreadIdentity& self, const FutexWord& word) noexcept
      : list_(self.robust_list), before_(list_.named()) {
    list_.pending(&word);
  }
  /// The same for a wait. What was named, and has lost its name for long, is paid first.
  static PendingGuard of_wait(const ThreadIdentity& self, const FutexWord& word) noexcept {
    self.robust_list.pay();
    return PendingGuard(self, word);
  }
  PendingGuard(const PendingGuard&) = delete;
  PendingGuard& operator=(const PendingGuard&) = delete;
  ~PendingGuard() { list_.pending(before_); }

 private:
  RobustList list_;
  const FutexWord* before_;
};

}  // namespace multiprocessing::detail
