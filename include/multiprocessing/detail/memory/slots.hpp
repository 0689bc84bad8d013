// SPDX-License-Identifier: BSL-1.0
/// \file
/// ThreadSlot and ProcessSlot: how a thread and a process are known to the others, as they lie in the arena.
/// Changing either raises `ArenaHeader::current_version`.
#pragma once

#include <multiprocessing/detail/memory/owner_ref.hpp>
#include <multiprocessing/detail/memory/size_classes.hpp>
#include <multiprocessing/detail/os/robust_mutex.hpp>

#include <atomic>
#include <cstdint>

namespace multiprocessing::detail {

/// What a thread is doing to shared memory beyond one word: read when it has died, and by debug_dump().
enum class Intent : std::uint32_t {
  none = 0,
  wait = 1,  // is about to sleep on, or has just been woken from, the word at `object`
  wake = 2,  // has freed or set the word at `object` and owes one sleeper its wake-up
};

/// A thread that uses shared primitives. Claimed by taking the token, which is then held for the thread's whole life;
/// the kernel marks the token when the thread ends in any way.
///
/// token                     slot
/// free (0)                  never used, or its thread ended in order
/// an id                     its thread lives
/// marked, or an id of 0     its thread is dead: whoever takes the token next recovers the slot first
struct alignas(64) ThreadSlot {
  RobustMutex token;
  std::atomic<std::uint32_t> generation;  // of the slot's lives; bumped when a life has ended, before the next begins
  std::atomic<std::uint32_t> thread_id;   // of the kernel; written after the bump: a token with another id is the next life's
  std::atomic<std::uint32_t> process;     // ProcessRef
  std::atomic<std::uint32_t> intent;      // Intent, written before the deed and cleared after it
  std::atomic<std::uint64_t> object;      // of the intent: an offset in the arena

  // The one condition that this thread waits for; see condition_node.hpp.
  std::atomic<std::uint32_t> node;        // a futex: NodeState
  std::atomic<std::uint64_t> condition;   // an offset in the arena
  std::atomic<std::uint64_t> ticket;      // its turn among those who wait for it

  // Chunks of small blocks that this thread owns; used by nobody else while it lives. Chunk numbers, 0 for none.
  std::uint32_t current[block_domains][size_class_count];  // allocates from this one
  std::uint32_t owned[block_domains][size_class_count];    // in the ring of all: where to look next for a free block
};

/// A process that has used the arena, or that has just been forked and may.
///
/// state     next                                             when
/// free      born                                             its parent is about to fork
/// born      alive                                            it was heard from, or its parent learnt its id
/// alive     ending                                           it is gone: nothing is kept on its account any more
/// ending    free                                             what it left was taken back
struct alignas(64) ProcessSlot {
  static constexpr std::uint32_t free = 0, born = 1, alive = 2, ending = 3;

  std::atomic<std::uint32_t> state;
  std::atomic<std::uint32_t> generation;  // of the slot's lives, 19 bits
  std::atomic<std::int32_t> pid;          // 0 until known
  std::atomic<std::uint32_t> parent;      // ProcessRef; of the nearest that is not gone
  std::atomic<std::uint64_t> seen;        // boot_time() when the pid was known to be this process
  std::atomic<std::uint64_t> birth;       // the arena's count of forks with this one included
  std::atomic<std::uint64_t> lineage;     // the earliest birth among it and those of its forebears that are gone
  std::atomic<std::uint64_t> objects;     // shared objects that it made and has not let go
  std::atomic<std::uint64_t> chunks;      // chunks, and large blocks that are not published, that it ever took
};

static_assert(sizeof(ProcessSlot) == 64);

}  // namespace multiprocessing::detail
