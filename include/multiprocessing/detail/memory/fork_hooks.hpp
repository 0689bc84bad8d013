// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the arena does when a process forks, and when a Process is born or has been waited for.
#pragma once

#include <multiprocessing/detail/memory/reclaim.hpp>
#include <multiprocessing/detail/memory/registration.hpp>
#include <multiprocessing/detail/runtime/hooks.hpp>

#include <cstdint>
#include <exception>
#include <utility>

namespace multiprocessing::detail {

/// Before a fork() of this process: a slot for the child, so that what it will inherit is not freed under it.
inline void prepare_for_fork() {
  const ArenaMemory arena(arena_base.load(std::memory_order_acquire));
  ProcessPage& page = arena.process_page();
  // An older count than need be, where several threads fork at once, only keeps an object longer.
  if (page.forks_under_way.load(std::memory_order_relaxed) == 0)
    page.forks_before.store(arena.header().forks.load(std::memory_order_relaxed), std::memory_order_relaxed);
  page.forks_under_way.fetch_add(1, std::memory_order_release);
  try {
    register_process(arena);
    registration::expected_child = 0;
    const RobustGuard guard(arena.header().registry, []() noexcept {});
    registration::expected_child = process_ref(arena, registration::take_process_slot(arena)).bits();
  } catch (const std::exception&) {
    // Nothing may be thrown through fork(). The child registers when it first uses the library.
    registration::expected_child = 0;
  }
}

/// Before a fork() whose outcome child_was_forked() will be told.
inline void child_will_be_announced() { registration::child_announced = true; }

/// In the parent, whether or not there is a child.
inline void parent_after_fork() {
  if (!registration::child_announced) registration::expected_child = 0;  // the child's own affair
  auto& under_way = ArenaMemory(arena_base.load(std::memory_order_acquire)).process_page().forks_under_way;
  std::uint32_t count = under_way.load(std::memory_order_relaxed);  // 0: the arena was made in the middle of the fork
  while (count != 0 && !under_way.compare_exchange_weak(count, count - 1, std::memory_order_release, std::memory_order_relaxed)) {
  }
}

/// In the child of a fork().
inline void child_after_fork() {
  if (registration::child_announced) return;
  // After a stop of many seconds right here, the slot may have been given up: then it registers when it uses the library.
  if (registration::expected_child != 0)
    registration::take_over_expected(ArenaMemory(arena_base.load(std::memory_order_acquire)), true);
}

/// In the parent, when it has learnt what became of the fork() that this thread just made: the child's id, or -1.
inline void child_was_forked(std::int32_t pid) {
  registration::child_announced = false;
  const ProcessRef expected(std::exchange(registration::expected_child, 0));
  if (!expected) return;
  const ArenaMemory arena(arena_base.load(std::memory_order_acquire));
  ProcessSlot& slot = arena.process(expected.slot());
  std::uint32_t born = ProcessSlot::born;
  if (process_ref(arena, expected.slot()) != expected) return;  // ended and taken back already, or given up
  if (pid < 0) {
    slot.state.compare_exchange_strong(born, ProcessSlot::free, std::memory_order_release, std::memory_order_relaxed);
    return;
  }
  slot.seen.store(boot_time(), std::memory_order_relaxed);  // later than its start, which the fork may have put off
  slot.pid.store(pid, std::memory_order_release);           // after the moment
  slot.state.compare_exchange_strong(born, ProcessSlot::alive, std::memory_order_release, std::memory_order_relaxed);
}

/// The child of this id was waited for: what it left comes back now, without asking the kernel about it.
inline void take_back_from(pid_t pid) {
  try {
    reclaim_the_gone(ArenaMemory(arena_base.load(std::memory_order_acquire)), pid);
  } catch (const std::exception&) {
    // Left for the next who looks: whoever finds the arena full, or a process that needs a slot.
  }
}

/// Registered once by each copy of the library, when it has found the arena.
inline constinit ForkHooks arena_hooks{&child_will_be_announced, &child_was_forked, nullptr, &take_back_from};

}  // namespace multiprocessing::detail
