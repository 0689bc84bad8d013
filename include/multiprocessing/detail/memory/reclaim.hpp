// SPDX-License-Identifier: BSL-1.0
/// \file
/// What processes that are gone for good have left in the arena, and how it comes back.
#pragma once

#include <multiprocessing/detail/memory/objects.hpp>
#include <multiprocessing/detail/memory/small_blocks.hpp>
#include <multiprocessing/detail/os/liveness.hpp>

#include <cstdint>
#include <vector>

namespace multiprocessing::detail {

namespace reclaim {

/// A child that its parent expected and that was never heard of counts as living for so long.
inline constexpr std::uint64_t unheard_ns = 10'000'000'000u;

/// Whether a thread of `process` holds a token: then it lives, whatever its id says, which may be reused or be of another
/// namespace.
inline bool has_living_thread(const ArenaMemory& arena, ProcessRef process) noexcept {
  const std::uint32_t ready = arena.header().thread_slots_ready.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < ready; ++i) {
    const ThreadSlot& slot = arena.thread(i);
    if (slot.process.load(std::memory_order_relaxed) != process.bits()) continue;
    if (token_lives(slot.token.word().load(std::memory_order_acquire))) return true;
  }
  return false;
}

/// Whether the process in slot `number` is gone. Of a child that its parent has `reaped` the kernel need not be asked.
inline bool is_gone(const ArenaMemory& arena, std::uint32_t number, std::int32_t reaped = 0) {
  const ProcessSlot& slot = arena.process(number);
  const ProcessRef process = process_ref(arena, number);
  if (process == this_process(arena)) return false;
  const std::int32_t pid = slot.pid.load(std::memory_order_acquire);  // the moment was written before it
  const std::uint64_t seen = slot.seen.load(std::memory_order_relaxed);
  if (reaped != 0 ? pid != reaped : pid == 0 ? boot_time() - seen <= unheard_ns : !process_is_gone(pid, seen)) return false;
  return !has_living_thread(arena, process);
}

/// Where an object lies: in a run of its own, or as one of a chunk's small blocks.
struct ObjectPlace {
  std::uint32_t chunk;
  ChunkWord word;
  std::uint32_t index;
};

// Calls `visit(header, place)` for each object in the run at `number` that is not free. Reads nothing of the chunk but atomics,
// at places that the word alone tells: it may be another's by now, where the chunk map is not held.
template <class Visit>
void for_each_object_in(const ArenaMemory& arena, std::uint32_t number, ChunkWord word, Visit& visit) {
  if (word.domain() != Domain::object) return;
  std::byte* const memory = arena.chunk_memory(number);
  if (word.kind() == ChunkWord::Kind::large) visit(*reinterpret_cast<ObjectHeader*>(memory), ObjectPlace{number, word, 0});
  if (word.kind() != ChunkWord::Kind::small || word.size_class() >= size_class_count) return;
  const SmallLayout& layout = small_layouts[word.size_class()];
  const auto* const states = reinterpret_cast<const std::atomic<std::uint8_t>*>(memory + SmallLayout::states_at);
  const auto* const remote = reinterpret_cast<const std::atomic<std::uint64_t>*>(memory + layout.remote_at);
  for (std::uint32_t i = 0; i < layout.count; ++i) {
    if (states[i].load(std::memory_order_acquire) != static_cast<std::uint8_t>(BlockState::published)) continue;
    if ((remote[i / 64].load(std::memory_order_relaxed) >> i % 64 & 1) != 0) continue;
    visit(*reinterpret_cast<ObjectHeader*>(memory + layout.first + std::size_t{i} * size_classes[word.size_class()]),
          ObjectPlace{number, word, i});
  }
}

/// Calls `visit(header, place)` for each object, holding the chunk map: none moves, and none is missed.
template <class Visit>
void for_each_object_held(const ArenaMemory& arena, Visit visit) {
  ChunkMap map(arena);
  map.for_each_held([&](std::uint32_t number, ChunkWord word) { for_each_object_in(arena, number, word, visit); });
}

/// The same without holding anything: for people, who can live with a wrong line.
template <class Visit>
void for_each_object(const ArenaMemory& arena, Visit visit) {
  ChunkMap(arena).for_each([&](std::uint32_t number, ChunkWord word) { for_each_object_in(arena, number, word, visit); });
}

/// Frees what was dropped and what no living process can still hold. The caller holds the registry: nobody else frees what
/// is dropped.
inline void free_dropped(const ArenaMemory& arena) {
  ArenaHeader& header = arena.header();
  if (header.dropped.load(std::memory_order_relaxed) == 0) return;
  ChunkMap map(arena);
  const auto one_less = [&] {  // the count may be too high, after a death beside it, but never too low
    std::uint64_t dropped = header.dropped.load(std::memory_order_relaxed);
    while (dropped != 0 && !header.dropped.compare_exchange_weak(dropped, dropped - 1, std::memory_order_relaxed)) {
    }
  };
  std::vector<ObjectPlace> large;
  for_each_object_held(arena, [&](ObjectHeader& object, const ObjectPlace& place) {
    if (object.creator.load(std::memory_order_acquire) != 0) return;
    // Without an id it was being freed by one who died.
    if (object.id.load(std::memory_order_relaxed) != 0 &&
        may_be_held(arena, object.birth.load(std::memory_order_relaxed), object.dropped.load(std::memory_order_relaxed)))
      return;
    if (place.word.kind() == ChunkWord::Kind::large) {
      // A large block that its owner gives back right now reads as zeros; then its word has changed before.
      if (map.word(place.chunk).bits() == place.word.bits()) large.push_back(place);
      return;
    }
    object.id.store(0, std::memory_order_release);  // first: whoever comes late finds it stale
    // Its owner, or the next one, takes it back.
    SmallBlocks::give_back(*reinterpret_cast<SmallChunk*>(arena.chunk_memory(place.chunk)), place.index);
    one_less();
  });
  for (const ObjectPlace& place : large) {
    reinterpret_cast<ObjectHeader*>(arena.chunk_memory(place.chunk))->id.store(0, std::memory_order_release);
    map.set(place.chunk, ChunkWord(ChunkWord::Kind::draft, place.word.span(), this_process(arena)));
    map.free(place.chunk);
    one_less();
  }
}

// Some processes, found by one compare: so that however many are gone, the arena is looked through once.
class ProcessSet {
 public:
  void insert(ProcessRef process) {
    if (process.slot() >= by_slot_.size()) by_slot_.resize(process.slot() + 1);
    by_slot_[process.slot()] = process;
  }
  bool empty() const { return by_slot_.empty(); }
  bool contains(ProcessRef process) const {
    return process && process.slot() < by_slot_.size() && by_slot_[process.slot()] == process;
  }

 private:
  std::vector<ProcessRef> by_slot_;
};

// Drops the objects of processes that can't drop them themselves any more.
inline void drop_objects_of(const ArenaMemory& arena, const ProcessSet& gone) {
  for_each_object_held(arena, [&](ObjectHeader& object, const ObjectPlace&) {
    std::uint32_t creator = object.creator.load(std::memory_order_relaxed);
    if (!gone.contains(ProcessRef(creator))) return;
    arena.header().dropped.fetch_add(1, std::memory_order_relaxed);  // first: a death in between must not leave it uncounted
    object.dropped.store(arena.header().forks.load(std::memory_order_relaxed), std::memory_order_relaxed);
    object.creator.compare_exchange_strong(creator, 0, std::memory_order_acq_rel);
  });
}

// Frees the drafts of processes that are gone, and gives their chunks to whoever needs them. A draft without an owner was left by
// one who had no slot.
inline void take_chunks_of(const ArenaMemory& arena, const ProcessSet& gone) {
  ChunkMap map(arena);
  std::vector<std::uint32_t> found;
  map.for_each_held([&](std::uint32_t number, ChunkWord word) {
    if (gone.contains(word.owner()) || (word.kind() == ChunkWord::Kind::draft && !word.owner())) found.push_back(number);
  });
  for (const std::uint32_t number : found) {
    const ChunkWord word = map.word(number);
    if (word.kind() == ChunkWord::Kind::draft) {
      map.free(number);
    } else if (word.kind() == ChunkWord::Kind::small) {
      auto& chunk = *reinterpret_cast<SmallChunk*>(arena.chunk_memory(number));
      for (std::uint32_t i = 0; i < chunk.count; ++i) {
        auto draft = static_cast<std::uint8_t>(BlockState::draft);
        chunk.states()[i].compare_exchange_strong(draft, 0, std::memory_order_acq_rel);
      }
      chunk.owner.store(0, std::memory_order_release);
      chunk.find_free();
      if (chunk.all_free()) {
        map.free(number);
      } else {
        map.orphan(number);
      }
    }
  }
}

// Hands down to the children of a process that is gone what it may have held, and makes them its parent's. Needed before it
// counts as gone; harmless to do again.
inline void hand_down(const ArenaMemory& arena, std::uint32_t number) {
  const ProcessSlot& gone = arena.process(number);
  const std::uint32_t self = process_ref(arena, number).bits();
  const std::uint64_t lineage = gone.lineage.load(std::memory_order_relaxed);
  const std::uint32_t ready = arena.header().process_slots_ready.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < ready; ++i) {
    ProcessSlot& child = arena.process(i);
    if (child.parent.load(std::memory_order_relaxed) != self) continue;
    if (child.lineage.load(std::memory_order_relaxed) > lineage) child.lineage.store(lineage, std::memory_order_relaxed);
    child.parent.store(gone.parent.load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
}

}  // namespace reclaim

/// Takes back what the processes that are gone have left. Returns how many were found. Each step may be cut short by a
/// death and done again: the slot is freed last. The caller holds the registry.
inline std::size_t reclaim_holding_registry(const ArenaMemory& arena, std::int32_t reaped) {
  ArenaHeader& header = arena.header();
  const std::uint64_t deaths = header.deaths.load(std::memory_order_relaxed);
  const std::uint32_t ready = header.process_slots_ready.load(std::memory_order_relaxed);
  std::vector<ProcessRef> found;
  reclaim::ProcessSet with_objects, with_chunks;
  for (std::uint32_t i = 0; i < ready; ++i) {
    ProcessSlot& slot = arena.process(i);
    const std::uint32_t state = slot.state.load(std::memory_order_acquire);
    if (state == ProcessSlot::free) continue;
    if (state != ProcessSlot::ending) {
      if (!reclaim::is_gone(arena, i, reaped)) continue;
      reclaim::hand_down(arena, i);
      slot.state.store(ProcessSlot::ending, std::memory_order_release);
    }
    found.push_back(process_ref(arena, i));
  }
  // What is freed below is a draft of this process for a moment: should it die in it, it is to be looked for.
  const ProcessRef self = this_process(arena);
  if (self && !found.empty()) arena.process(self.slot()).chunks.fetch_add(1, std::memory_order_relaxed);
  for (const ProcessRef gone : found) {
    const ProcessSlot& slot = arena.process(gone.slot());
    if (slot.objects.load(std::memory_order_relaxed) != 0) with_objects.insert(gone);
    if (slot.chunks.load(std::memory_order_relaxed) != 0) with_chunks.insert(gone);
  }
  if (!with_objects.empty()) reclaim::drop_objects_of(arena, with_objects);
  if (!found.empty()) reclaim::free_dropped(arena);  // before the chunks: those that become empty go back whole
  if (!with_chunks.empty()) reclaim::take_chunks_of(arena, with_chunks);
  // Last: until then the next who reclaims does it all again.
  for (const ProcessRef gone : found) arena.process(gone.slot()).state.store(ProcessSlot::free, std::memory_order_release);
  if (reaped == 0) header.deaths_reclaimed.store(deaths, std::memory_order_relaxed);
  return found.size();
}

/// The same, for callers without the registry. `reaped`: only the process of this id, which its parent has waited for.
inline std::size_t reclaim_the_gone(const ArenaMemory& arena, std::int32_t reaped = 0) {
  const RobustGuard guard(arena.header().registry, []() noexcept {});
  return reclaim_holding_registry(arena, reaped);
}

}  // namespace multiprocessing::detail
