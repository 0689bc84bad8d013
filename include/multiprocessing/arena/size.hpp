// SPDX-License-Identifier: BSL-1.0
/// \file
/// set_arena_size and arena_usage: how large the arena may grow, and how much of it is in use.
#pragma once

#include <multiprocessing/detail/memory/chunk_map.hpp>
#include <multiprocessing/detail/memory/identity.hpp>
#include <multiprocessing/detail/memory/reclaim.hpp>

#include <cstddef>
#include <string>

namespace multiprocessing {

/// Sets how many bytes the arena may hold, from 1 MiB to 16 TiB; before its first use, else AssertionError. It is address
/// space: memory is taken as it is needed. Without a call the environment's MULTIPROCESSING_ARENA_BYTES says it (as `1073741824`
/// or `1G`); without that it is 64 GiB, or what the process's limits leave of them. Throws ValueError for other sizes.
inline void set_arena_size(std::size_t bytes) {
  const std::size_t checked = detail::checked_arena_bytes(bytes, "set_arena_size");
  if (detail::arena_exists())
    throw AssertionError("set_arena_size(" + std::to_string(bytes) +
                         "): the arena is in use already, with " +
                         std::to_string(detail::the_arena().header().size - detail::the_arena().header().heap) +
                         " bytes; call it before the first lock, value, array or process is made");
  detail::asked_arena_bytes.store(checked, std::memory_order_relaxed);
}

/// How much of the arena is in use, in bytes.
struct ArenaUsage {
  std::size_t size = 0;       // what it can hold
  std::size_t used = 0;       // in blocks that are out, their rounding included
  std::size_t reserved = 0;   // in chunks that belong to threads or are large blocks; the rest is free for everyone
  std::size_t committed = 0;  // has memory of the system
  std::size_t objects = 0;    // locks, values, arrays and the like
  std::size_t processes = 0;  // that use it and live
};

/// Looks through the arena, after taking back what processes that are gone have left. Makes the arena if there is none.
/// Counts of what others change meanwhile may be a moment old. Cost: linear in the chunks in use.
inline ArenaUsage arena_usage() {
  const detail::ArenaMemory arena = detail::this_thread().arena;
  detail::reclaim_the_gone(arena);
  const detail::ArenaHeader& header = arena.header();
  detail::ChunkMap map(arena);
  ArenaUsage usage;
  usage.size = header.size - header.heap;
  map.for_each_held([&](std::uint32_t number, detail::ChunkWord word) {
    for (std::uint32_t i = 0; i < word.span(); ++i)
      usage.committed += arena.chunk(number + i).committed.load(std::memory_order_relaxed) * detail::chunk_bytes;
    if (word.kind() == detail::ChunkWord::Kind::free) return;
    usage.reserved += word.span() * detail::chunk_bytes;
    if (word.kind() != detail::ChunkWord::Kind::small) {
      usage.used += word.span() * detail::chunk_bytes;
      return;
    }
    auto& chunk = *reinterpret_cast<detail::SmallChunk*>(arena.chunk_memory(number));
    for (std::uint32_t i = 0; i < chunk.count; ++i) {
      const bool given_back = (chunk.remote()[i / 64].load(std::memory_order_relaxed) >> i % 64 & 1) != 0;
      if (chunk.states()[i].load(std::memory_order_relaxed) != 0 && !given_back) usage.used += chunk.size;
    }
  });
  detail::reclaim::for_each_object_held(arena, [&](const detail::ObjectHeader& object, const detail::reclaim::ObjectPlace&) {
    if (object.id.load(std::memory_order_relaxed) != 0) ++usage.objects;
  });
  for (std::uint32_t i = 0; i < header.process_slots_ready.load(std::memory_order_acquire); ++i) {
    if (arena.process(i).state.load(std::memory_order_relaxed) != detail::ProcessSlot::free) ++usage.processes;
  }
  return usage;
}

}  // namespace multiprocessing
