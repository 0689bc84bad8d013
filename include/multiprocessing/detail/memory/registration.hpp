// SPDX-License-Identifier: BSL-1.0
/// \file
/// How processes and threads get their slots, and how a dead thread's slot is made whole for the next.
#pragma once

#include <multiprocessing/detail/memory/condition_node.hpp>
#include <multiprocessing/detail/memory/reclaim.hpp>
#include <multiprocessing/detail/memory/small_blocks.hpp>
#include <multiprocessing/detail/memory/thread_identity.hpp>
#include <multiprocessing/detail/os/futex.hpp>
#include <multiprocessing/detail/os/liveness.hpp>

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

namespace multiprocessing::detail {

/// Repairs what a dead thread left half done; the caller holds its token. May be cut short by a death and done again.
///
/// intent    what is owed                                     why doing it twice is harmless
/// wait      one wake-up of the word: it may have eaten one   a sleeper looks and sleeps again
/// wake      one wake-up of the word                          the same
/// Its node, if it died notified: see condition_node.hpp.
inline void recover_slot(const RobustList& robust_list, const ArenaMemory& arena, ThreadSlot& slot) noexcept {
  ArenaHeader& header = arena.header();
  const auto intent = static_cast<Intent>(slot.intent.load(std::memory_order_acquire));
  const std::uint64_t object = slot.object.load(std::memory_order_relaxed);
  if ((intent == Intent::wait || intent == Intent::wake) && object + 4 <= header.size)
    futex_wake(*reinterpret_cast<const FutexWord*>(arena.base() + object), 1);
  slot.intent.store(0, std::memory_order_release);
  condition_node::clear(robust_list, arena, slot);
  for (std::uint32_t domain = 0; domain < block_domains; ++domain) {
    std::fill_n(slot.current[domain], size_class_count, 0u);  // its chunks stay its process's, until that is gone
    std::fill_n(slot.owned[domain], size_class_count, 0u);
  }
  // From here on every word that names the old life is seen to be free (release: what was repaired comes before).
  slot.generation.fetch_add(1, std::memory_order_release);
  futex_wake(slot.token.word(), all_waiters);  // the kernel woke one of those who watched; the rest look now
}

namespace registration {

// The tables grow by so many slots at a time; a slot that is not yet counted is initialised again by the next who grows.
inline constexpr std::uint32_t thread_batch = 32, process_batch = 64;

inline bool grow_threads(const ArenaMemory& arena) {
  ArenaHeader& header = arena.header();
  const std::uint32_t from = header.thread_slots_ready.load(std::memory_order_relaxed);
  const std::uint32_t to = std::min(from + thread_batch, slot_limit);
  if (from == to) return false;
  auto* const first = reinterpret_cast<std::byte*>(&arena.thread(from));
  if (commit_memory(first - reinterpret_cast<std::uintptr_t>(first) % page_bytes, (to - from + 8) * sizeof(ThreadSlot)) != 0)
    throw ArenaFull("arena: the system has no memory left for more thread slots (" + std::to_string(from) + " exist)");
  for (std::uint32_t i = from; i < to; ++i) arena.thread(i).token.init();
  header.thread_slots_ready.store(to, std::memory_order_release);  // the slots below are initialised
  return true;
}

inline bool grow_processes(const ArenaMemory& arena) {
  ArenaHeader& header = arena.header();
  const std::uint32_t from = header.process_slots_ready.load(std::memory_order_relaxed);
  const std::uint32_t to = std::min(from + process_batch, slot_limit);
  if (from == to) return false;
  if (commit_memory(reinterpret_cast<std::byte*>(&arena.process(from)), (to - from) * sizeof(ProcessSlot)) != 0)
    throw ArenaFull("arena: the system has no memory left for more process slots (" + std::to_string(from) + " exist)");
  header.process_slots_ready.store(to, std::memory_order_release);
  return true;
}

// A free process slot, now `born`; the caller holds the registry. First in, first out, so that a generation lasts long.
inline std::uint32_t take_process_slot(const ArenaMemory& arena) {
  ArenaHeader& header = arena.header();
  for (int round = 0; round < 3; ++round) {
    const std::uint32_t ready = header.process_slots_ready.load(std::memory_order_relaxed);
    for (std::uint32_t tried = 0; tried < ready; ++tried) {
      const std::uint32_t number = header.next_process_slot.fetch_add(1, std::memory_order_relaxed) % ready;
      ProcessSlot& slot = arena.process(number);
      if (slot.state.load(std::memory_order_relaxed) != ProcessSlot::free) continue;
      slot.generation.store(std::max(1u, (slot.generation.load(std::memory_order_relaxed) + 1) & 0x7ffffu), std::memory_order_relaxed);
      slot.pid.store(0, std::memory_order_relaxed);
      slot.parent.store(this_process(arena).bits(), std::memory_order_relaxed);
      slot.objects.store(0, std::memory_order_relaxed);
      slot.chunks.store(0, std::memory_order_relaxed);
      slot.seen.store(boot_time(), std::memory_order_relaxed);
      // Release: who reads the new count also reads that this process is in the middle of a fork.
      const std::uint64_t birth = header.forks.fetch_add(1, std::memory_order_acq_rel) + 1;
      slot.birth.store(birth, std::memory_order_relaxed);
      slot.lineage.store(birth, std::memory_order_relaxed);
      slot.state.store(ProcessSlot::born, std::memory_order_release);  // after the fields that explain it
      return number;
    }
    if (!grow_processes(arena)) reclaim_holding_registry(arena, 0);
  }
  throw RuntimeError("arena: " + std::to_string(slot_limit) + " processes use it already; that is the limit");
}

// ProcessRef: what the parent took for the child that is about to be made by this thread; 0 for none. In a child that was
// announced: what it takes over when it first uses the library.
inline thread_local constinit std::uint32_t expected_child = 0;
// Whether the parent will say which id the child got: then the child need not, and a fork touches none of the arena's pages.
inline thread_local constinit bool child_announced = false;

// Enters this process in its slot, which is born.
inline void enter_process(const ArenaMemory& arena, std::uint32_t number) {
  ProcessSlot& slot = arena.process(number);
  slot.seen.store(boot_time(), std::memory_order_relaxed);
  std::int32_t unknown = 0;  // what the parent says stands: in a namespace of its own the child knows itself by another id
  slot.pid.compare_exchange_strong(unknown, this_process_id(), std::memory_order_release, std::memory_order_relaxed);
  slot.state.store(ProcessSlot::alive, std::memory_order_release);
  // Relaxed: read by this process's threads for equality, or to find the slot, which was written before them.
  arena.process_page().process.store(process_ref(arena, number).bits(), std::memory_order_release);
}

// Takes over the slot that the parent took for this process, if it was announced and not given up since. A raw copy of the
// child (_Fork) has inherited the same expectation; the ids tell that it is not the one, where it is not `certain` anyway.
inline bool take_over_expected(const ArenaMemory& arena, bool certain = false) {
  child_announced = false;  // from here on a fork is what the next hook says it is
  const ProcessRef expected(std::exchange(expected_child, 0));
  if (!expected) return false;
  ProcessSlot& slot = arena.process(expected.slot());
  const std::int32_t pid = slot.pid.load(std::memory_order_acquire);
  const ProcessRef parent(slot.parent.load(std::memory_order_relaxed));
  // The parent may not have come so far as to enter the id; then its own tells.
  const bool mine = pid != 0 ? pid == this_process_id()
                             : parent && arena.process(parent.slot()).pid.load(std::memory_order_relaxed) == parent_process_id();
  if (!(mine || certain) || process_ref(arena, expected.slot()) != expected) return false;
  std::uint32_t state = ProcessSlot::born;
  slot.state.compare_exchange_strong(state, ProcessSlot::alive, std::memory_order_acq_rel);
  if (state != ProcessSlot::born && state != ProcessSlot::alive) return false;
  enter_process(arena, expected.slot());
  return true;
}

// The calling thread is the one that holds `slot`.
inline void identify(const ArenaMemory& arena, ThreadSlot& slot, const RobustList& robust_list) noexcept {
  ThreadIdentity& self = thread_identity;
  self.page = &arena.process_page();
  self.owner = OwnerRef(static_cast<std::uint32_t>(&slot - &arena.thread(0)), slot.generation.load(std::memory_order_relaxed));
  self.slot = &slot;
  self.arena = arena;
  self.robust_list = robust_list;
  self.process = slot.process.load(std::memory_order_relaxed);  // last: makes the rest valid
}

}  // namespace registration

/// Gives this process a slot if it has none.
inline void register_process(const ArenaMemory& arena) {
  if (this_process(arena)) return;
  const RobustGuard guard(arena.header().registry, []() noexcept {});
  if (this_process(arena)) return;
  if (registration::take_over_expected(arena)) return;
  registration::enter_process(arena, registration::take_process_slot(arena));
}

/// Takes a token and makes it this thread's identity.
inline void register_thread(const ArenaMemory& arena) {
  ArenaHeader& header = arena.header();
  const InheritedPage& inherited = arena.inherited_page();
  const RobustList robust_list = RobustList::of_this_thread(inherited.layout);  // first: mutexes need it in raw children
  register_process(arena);
  const std::uint32_t process = this_process(arena).bits();
  const std::uint32_t thread_id = this_thread_id();

  // Another copy of the library may have registered this thread already.
  auto* slot = static_cast<ThreadSlot*>(get_thread_value(inherited.key));
  if (slot == nullptr || slot->process.load(std::memory_order_relaxed) != process ||
      (slot->token.word().load(std::memory_order_relaxed) & FUTEX_TID_MASK) != thread_id) {
    slot = nullptr;
    while (slot == nullptr) {
      // Acquire: a slot that is counted is initialised.
      const std::uint32_t ready = header.thread_slots_ready.load(std::memory_order_acquire);
      for (std::uint32_t tried = 0; tried < ready && slot == nullptr; ++tried) {
        ThreadSlot& candidate = arena.thread(header.next_thread_slot.fetch_add(1, std::memory_order_relaxed) % ready);
        const auto taken = candidate.token.try_lock();
        if (taken == RobustMutex::Result::busy) continue;
        if (taken == RobustMutex::Result::owner_died) {
          recover_slot(robust_list, arena, candidate);
          header.deaths.fetch_add(1, std::memory_order_relaxed);
          candidate.token.consistent();
        }
        slot = &candidate;
      }
      if (slot != nullptr) break;
      const RobustGuard guard(header.registry, []() noexcept {});
      if (header.thread_slots_ready.load(std::memory_order_relaxed) == ready && !registration::grow_threads(arena))
        throw RuntimeError("arena: " + std::to_string(slot_limit) + " threads use it already; that is the limit");
    }
    slot->token.ask_for_wake();
    slot->process.store(process, std::memory_order_relaxed);
    slot->thread_id.store(thread_id, std::memory_order_release);  // after the bump of the generation: see is_dead()
    // The main thread keeps its slot to the very end, since static destructors still use locks.
    set_thread_value(inherited.key, slot);
  }
  registration::identify(arena, *slot, robust_list);
}

/// Run by the thread key when a thread ends in order. What it still holds is freed as at a death.
inline void thread_has_ended(void* value) {
  const ArenaMemory arena(arena_base.load(std::memory_order_acquire));
  auto& slot = *static_cast<ThreadSlot*>(value);
  const std::uint32_t thread_id = this_thread_id();
  if (slot.process.load(std::memory_order_relaxed) != this_process(arena).bits()) return;  // a parent's, inherited
  if ((slot.token.word().load(std::memory_order_relaxed) & FUTEX_TID_MASK) != thread_id || is_main_thread()) return;
  // Not by register_thread(): the key has forgotten the slot by now, so the thread would get another.
  if (thread_identity.slot != &slot)  // the other copy of the library registered it
    registration::identify(arena, slot, RobustList::of_this_thread(arena.inherited_page().layout));
  if (thread_identity.at_end != nullptr) thread_identity.at_end();
  let_chunks_go(thread_identity);
  const RobustList robust_list = std::exchange(thread_identity, ThreadIdentity{}).robust_list;
  recover_slot(robust_list, arena, slot);
  slot.token.unlock();
  futex_wake(slot.token.word(), all_waiters);  // who went to sleep on it since
}

}  // namespace multiprocessing::detail
