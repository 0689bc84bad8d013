// SPDX-License-Identifier: BSL-1.0
/// \file
/// ArenaHeader: the first bytes of an arena, and where everything else in it lies.
#pragma once

#include <multiprocessing/detail/memory/slots.hpp>

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace multiprocessing::detail {

/// What is known of one chunk of 64 KiB. Only the entry of a run's first chunk says what the run is; the entries behind it
/// are not looked at. One store of `word` makes each change, so a kill leaves either the old or the new map.
struct ChunkEntry {
  std::atomic<std::uint64_t> word;  // ChunkWord
  // The index: found again from the words alone when its writer died.
  std::uint32_t prev, next;         // in the list of free runs of about this length, or of orphans of this class
  std::uint32_t back;               // in the last chunk of a free run: its length; else 0
  std::atomic<std::uint32_t> committed;  // 1 when the chunk has memory; cleared before the memory is given back
};

/// `ready` is stored last, with release, when all else is in place.
///
/// Layout of the arena:
///   0                header, one page and the index of the chunk map
///   thread slots     8192 of them
///   process slots    8192 of them
///   chunk entries    one for each chunk of the heap, and unused ones for what lies before it
///   heap             chunks; chunk numbers count from the arena's first byte
struct ArenaHeader {
  static constexpr std::uint32_t magic_value = 0x4d50'4131;  // "MPA1"
  static constexpr std::uint32_t current_version = 3;        // of this layout; raised when any shared struct changes

  std::uint32_t magic;
  std::uint32_t version;
  std::uint64_t layout;  // layout_hash() of the build that made it
  std::uint64_t size;    // bytes mapped, header included
  std::uint64_t heap;    // offset of the first chunk
  std::uint64_t family;  // differs from any other arena's
  std::atomic<std::uint32_t> ready;

  // Read often, written hardly ever: a line of their own.
  alignas(64) std::atomic<std::uint32_t> corrupt;  // 1 after a bad free, or records that contradict themselves
  std::atomic<std::uint64_t> forks;                // children that were or may have been made
  std::atomic<std::uint64_t> dropped;              // objects that nobody but a child may still use
  std::atomic<std::uint64_t> deaths;               // thread deaths that somebody noticed
  std::atomic<std::uint64_t> deaths_reclaimed;     // as `deaths` was when the processes were last looked through
  std::atomic<std::uint64_t> lock_deaths;          // locks taken over from a dead holder
  std::atomic<std::uint64_t> saved_by_tick;        // sleepers that found work at the tick: a wake-up was lost before it

  alignas(64) std::atomic<std::uint64_t> next_object;  // the last number given to a shared object; never used twice

  // Claims of slots, and what happens to the dead. Held shortly; its owner's death leaves nothing to repair.
  alignas(64) RobustMutex registry;
  std::atomic<std::uint32_t> thread_slots_ready, next_thread_slot;
  std::atomic<std::uint32_t> process_slots_ready, next_process_slot;

  // The chunk map. What the mutex guards besides the entries' words is an index, found again when its writer died.
  alignas(64) RobustMutex chunks;
  std::atomic<std::uint32_t> top;            // chunk number behind the last run ever used
  std::uint64_t entries_committed;           // bytes of the entry table that have memory
  std::atomic<std::uint32_t> kept;           // free chunks that have memory
  std::uint32_t free_runs[28];               // heads of lists, by the logarithm of the length
  std::uint32_t orphans[block_domains][size_class_count];  // chunks of small blocks without an owner
};

inline constexpr std::size_t header_room = 8192;
static_assert(sizeof(ArenaHeader) <= header_room);
static_assert(sizeof(ChunkEntry) == 24);

/// Where the tables lie, all from the header's address.
inline constexpr std::size_t slot_count = std::size_t{slot_limit} + 1;
inline constexpr std::size_t thread_slots_at = header_room;
inline constexpr std::size_t process_slots_at = thread_slots_at + slot_count * sizeof(ThreadSlot);
inline constexpr std::size_t chunk_entries_at = process_slots_at + slot_count * sizeof(ProcessSlot);

/// Differs between builds whose shared structs differ. (FNV-1a over their sizes and the constants that shape memory.)
constexpr std::uint64_t layout_hash() {
  std::uint64_t hash = 14695981039346656037u;
  for (const std::uint64_t part : {std::uint64_t{sizeof(void*)}, std::uint64_t{sizeof(ArenaHeader)}, std::uint64_t{sizeof(ThreadSlot)},
                                   std::uint64_t{sizeof(ProcessSlot)}, std::uint64_t{sizeof(ChunkEntry)}, std::uint64_t{chunk_bytes},
                                   std::uint64_t{slot_bits}, std::uint64_t{size_class_count}, std::uint64_t{largest_small},
                                   std::uint64_t{std::endian::native == std::endian::little}}) {
    for (int byte = 0; byte < 8; ++byte) hash = (hash ^ (part >> (8 * byte) & 0xff)) * 1099511628211u;
  }
  return hash;
}

/// The size of an arena whose heap holds `heap_bytes`, tables included, and where that heap starts.
struct ArenaGeometry {
  std::size_t heap_at, bytes;

  static constexpr ArenaGeometry for_heap(std::size_t heap_bytes) {
    const std::size_t chunks = (heap_bytes + chunk_bytes - 1) / chunk_bytes;
    std::size_t heap = chunk_entries_at + chunks * sizeof(ChunkEntry);
    // The table has an entry for each chunk of the arena, those before the heap included.
    heap += (heap / chunk_bytes + 2) * sizeof(ChunkEntry);
    heap = (heap + chunk_bytes - 1) / chunk_bytes * chunk_bytes;
    return {heap, heap + chunks * chunk_bytes};
  }
};

}  // namespace multiprocessing::detail
