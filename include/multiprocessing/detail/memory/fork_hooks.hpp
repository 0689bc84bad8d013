// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the arena does when a Process is born or has been waited for.
#pragma once

#include <multiprocessing/detail/memory/reclaim.hpp>
#include <multiprocessing/detail/memory/registration.hpp>
#include <multiprocessing/detail/runtime/hooks.hpp>

#include <exception>

namespace multiprocessing::detail {

/// The child of this id was waited for: what it left comes back now, without asking the kernel about it.
inline void take_back_from(pid_t pid) {
  try {
    reclaim_the_gone(ArenaMemory(arena_base.load(std::memory_order_acquire)), pid);
  } catch (const std::exception&) {
    // Left for the next who looks: whoever finds the arena full, or a process that needs a slot.
  }
}

/// Registered once by each copy of the library, when it has found the arena.
inline constinit ForkHooks arena_hooks{nullptr, &child_was_forked, nullptr, &take_back_from};

}  // namespace multiprocessing::detail
