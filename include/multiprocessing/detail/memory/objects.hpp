// SPDX-License-Identifier: BSL-1.0
/// \file
/// ObjectHeader: what stands before each shared object, so that it can be told from what lay there before.
#pragma once

#include <multiprocessing/detail/memory/thread_identity.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace multiprocessing::detail {

/// What a shared object is; for debug_dump(), see kind_text.hpp.
enum class ObjectKind : std::uint32_t {
  other = 0,
  lock = 1,
  rlock = 2,
  value = 3,
  array = 4,
  semaphore = 5,
  rwlock = 6,
  event = 7,
  barrier = 8,
  condition = 9,
};
inline constexpr std::size_t object_kind_count = 10;

/// The head of a shared object's block.
///
/// id        creator             the object
/// 0         -                   is being built, or is gone
/// a number  a living process    is in use
/// a number  0                   is dropped: its creator holds no handle; freed when no process that may hold one lives: none that
///                               was born between `birth` and `dropped`, and none that comes from such a one
struct ObjectHeader {
  std::atomic<std::uint64_t> id;       // never used twice; stored last, cleared first
  std::atomic<std::uint32_t> creator;  // ProcessRef; zero in a published block only when dropped, so that nobody else frees it
  std::atomic<ObjectKind> kind;
  std::atomic<std::uint64_t> birth;    // the arena's count of forks when it was made
  std::atomic<std::uint64_t> dropped;  // that count when its creator let it go; written before `creator` becomes zero
};

/// Objects start on a line of their own 32 bytes in, so that a small one shares the line with its header.
inline constexpr std::size_t object_offset = sizeof(ObjectHeader);
static_assert(object_offset == 32);

inline ObjectHeader& header_of(const void* object) {
  return *reinterpret_cast<ObjectHeader*>(reinterpret_cast<std::byte*>(const_cast<void*>(object)) - object_offset);
}

/// The birth of an object that is made now: what a child that is being born while other threads go on may inherit counts as
/// older than the child.
inline std::uint64_t birth_of_object(const ArenaMemory& arena) noexcept {
  const ProcessPage& page = arena.process_page();
  // Acquire: who reads the count that a fork raised also reads that the fork is under way.
  const std::uint64_t forks = arena.header().forks.load(std::memory_order_acquire);
  if (page.forks_under_way.load(std::memory_order_acquire) == 0) return forks;
  const std::uint64_t before = page.forks_before.load(std::memory_order_relaxed);
  return forks < before ? forks : before;
}

/// Whether any living process but the one at `except` was born after `birth`: it may hold what was made before. Too careful for
/// a family with always someone young in it, but needs no mutex.
inline bool lives_since(const ArenaMemory& arena, std::uint64_t birth, ProcessRef except) {
  const std::uint32_t ready = arena.header().process_slots_ready.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < ready; ++i) {
    const ProcessSlot& slot = arena.process(i);
    // Acquire: the fields below were written before the state.
    const std::uint32_t state = slot.state.load(std::memory_order_acquire);
    if (state == ProcessSlot::free || state == ProcessSlot::ending) continue;
    if (slot.birth.load(std::memory_order_relaxed) > birth && !(except && i == except.slot())) return true;
  }
  return false;
}

/// Whether a living process may hold what was made at `birth` and let go by its creator at `dropped`: because it was born in
/// between, or one that it comes from and that is gone. The caller holds the registry, under which what the gone have handed
/// down moves on.
inline bool may_be_held(const ArenaMemory& arena, std::uint64_t birth, std::uint64_t dropped) {
  const std::uint32_t ready = arena.header().process_slots_ready.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < ready; ++i) {
    const ProcessSlot& slot = arena.process(i);
    const std::uint32_t state = slot.state.load(std::memory_order_acquire);
    if (state == ProcessSlot::free || state == ProcessSlot::ending) continue;
    if (slot.birth.load(std::memory_order_relaxed) > birth && slot.lineage.load(std::memory_order_relaxed) <= dropped) return true;
  }
  return false;
}

}  // namespace multiprocessing::detail
