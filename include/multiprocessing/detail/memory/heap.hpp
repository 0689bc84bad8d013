// SPDX-License-Identifier: BSL-1.0
/// \file
/// Heap: blocks of any size in the arena.
#pragma once

#include <multiprocessing/detail/memory/identity.hpp>
#include <multiprocessing/detail/memory/reclaim.hpp>
#include <multiprocessing/detail/memory/small_blocks.hpp>
#include <multiprocessing/detail/os/memory_room.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>

namespace multiprocessing::detail {

/// The blocks of the arena, for the calling thread.
///
/// killed in                     what is left
/// allocate, before the block    nothing: what it had taken is a draft, or free by its state
/// allocate, after the state     one block that nobody knows, if it was to be published
/// deallocate, before the state  the block is still out
/// deallocate, after it          nothing
class Heap {
 public:
  explicit Heap(ThreadIdentity& self) : self_(self), header_(self.arena.header()) {}

  /// `bytes` at a multiple of `alignment` (a power of two, at most chunk_bytes). Throws ArenaFull when there is no room, and
  /// CorruptArena when the arena's records can't be trusted any more.
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t), Domain domain = Domain::raw,
                 BlockState state = BlockState::published) {
    if (header_.corrupt.load(std::memory_order_relaxed) != 0) [[unlikely]] throw_corrupt();
    if (bytes <= largest_small && alignment <= cache_line) [[likely]] {
      // A size that is a multiple of the alignment has a class whose blocks lie at multiples of it.
      const std::size_t rounded = alignment <= 16 ? bytes : (bytes + alignment - 1) / alignment * alignment;
      const std::uint32_t size_class = size_class_of(rounded);
      SmallBlocks blocks(self_);
      if (void* block = blocks.allocate(domain, size_class, state)) return block;
      if (reclaim_the_gone(self_.arena) != 0)
        if (void* block = blocks.allocate(domain, size_class, state)) return block;
      throw_full(bytes);
    }
    return allocate_large(bytes, alignment, domain, state);
  }

  /// Makes a draft stay when its process is gone.
  void publish(void* block) {
    const auto number = static_cast<std::uint32_t>(self_.arena.offset_of(block) / chunk_bytes);
    ChunkMap map(self_.arena);
    const ChunkWord word = map.word(number);
    if (word.kind() == ChunkWord::Kind::draft) {
      map.set(number, ChunkWord(ChunkWord::Kind::large, word.span(), ProcessRef(), word.domain()));
    } else {
      SmallChunk& home = *reinterpret_cast<SmallChunk*>(self_.arena.chunk_memory(number));
      home.states()[home.index_of(block)].store(static_cast<std::uint8_t>(BlockState::published), std::memory_order_release);
    }
  }

  /// Takes a block back. Never throws: a pointer that is not a block's marks the arena as corrupt, and the next call says so.
  void deallocate(void* block) noexcept {
    if (!self_.arena.holds(block) || !take_back(block)) header_.corrupt.store(1, std::memory_order_relaxed);
  }

  /// The same for a thread that may have no identity yet, nor get one.
  static void free(void* block) noexcept {
    const ArenaMemory arena = the_arena();
    try {
      Heap(this_thread()).deallocate(block);
    } catch (const std::exception&) {
      if (!arena.holds(block) || !leave_behind(arena, block)) arena.header().corrupt.store(1, std::memory_order_relaxed);
    }
  }

  /// Throws CorruptArena if anyone has found the arena's records wrong.
  void check() const {
    if (header_.corrupt.load(std::memory_order_relaxed) != 0) throw_corrupt();
  }

 private:
  bool take_back(void* block) {
    const auto number = static_cast<std::uint32_t>(self_.arena.offset_of(block) / chunk_bytes);
    ChunkMap map(self_.arena);
    if (number >= map.top()) return false;
    const ChunkWord word = map.word(number);
    if (word.kind() == ChunkWord::Kind::small) [[likely]] return SmallBlocks(self_).deallocate(number, block);
    const bool large = word.kind() == ChunkWord::Kind::large || word.kind() == ChunkWord::Kind::draft;
    if (!large || block != self_.arena.chunk_memory(number)) return false;
    note_chunk();  // first: from the exchange on, a death leaves a draft of this process
    if (!make_draft(self_.arena, number, word)) return false;
    map.free(number);
    return true;
  }

  // Makes a large block a draft of this process, so that a death on the way frees it; also finds a double free.
  static bool make_draft(const ArenaMemory& arena, std::uint32_t number, ChunkWord word) {
    std::uint64_t seen = word.bits();
    const ChunkWord draft(ChunkWord::Kind::draft, word.span(), this_process(arena));
    return arena.chunk(number).word.compare_exchange_strong(seen, draft.bits(), std::memory_order_acq_rel);
  }

  // Frees a block without an identity: a small one as another thread's, a large one for whoever next takes back what the
  // dead have left.
  static bool leave_behind(const ArenaMemory& arena, void* block) noexcept {
    const auto number = static_cast<std::uint32_t>(arena.offset_of(block) / chunk_bytes);
    const ChunkMap map(arena);
    if (number >= map.top()) return false;
    const ChunkWord word = map.word(number);
    if (word.kind() == ChunkWord::Kind::small) {
      auto& home = *reinterpret_cast<SmallChunk*>(arena.chunk_memory(number));
      const std::uint32_t index = home.index_of(block);
      return index != home.count && SmallBlocks::give_back(home, index);
    }
    if (word.kind() != ChunkWord::Kind::large || block != arena.chunk_memory(number)) return false;
    if (const ProcessRef process = this_process(arena)) arena.process(process.slot()).chunks.fetch_add(1, std::memory_order_relaxed);
    return make_draft(arena, number, word);
  }

  void* allocate_large(std::size_t bytes, std::size_t alignment, Domain domain, BlockState state) {
    if (alignment > chunk_bytes) throw_misaligned(alignment);
    if (bytes > header_.size) throw_full(bytes);
    const auto span = static_cast<std::uint32_t>((bytes + chunk_bytes - 1) / chunk_bytes);  // the header keeps it far below 2^32
    require_room(bytes);
    ChunkMap map(self_.arena);
    note_chunk();
    if (header_.deaths.load(std::memory_order_relaxed) != header_.deaths_reclaimed.load(std::memory_order_relaxed))
      reclaim_the_gone(self_.arena);
    std::uint32_t run = map.take(span, this_process(self_.arena));
    if (run == 0 && reclaim_the_gone(self_.arena) != 0) run = map.take(span, this_process(self_.arena));
    if (run == 0) throw_full(bytes);
    if (map.commit(run, span) != 0) {
      map.free(run);
      throw ArenaFull("arena: the system has no memory for a block of " + std::to_string(bytes) + " bytes, though " +
                      std::to_string(free_bytes()) + " of the arena's " + std::to_string(heap_bytes()) +
                      " bytes of address space are free");
    }
    const auto kind = state == BlockState::published ? ChunkWord::Kind::large : ChunkWord::Kind::draft;
    map.set(run, ChunkWord(kind, span, kind == ChunkWord::Kind::draft ? this_process(self_.arena) : ProcessRef(), domain));
    return self_.arena.chunk_memory(run);
  }

  // Before a chunk is taken: at its end the process is looked through for what it left only if it ever took one.
  void note_chunk() { self_.arena.process(this_process(self_.arena).slot()).chunks.fetch_add(1, std::memory_order_relaxed); }

  // A large block is refused where the system could give its memory only by killing somebody.
  void require_room(std::size_t bytes) const {
    constexpr std::size_t worth_asking = std::size_t{16} << 20;  // that takes milliseconds anyway
    if (bytes < worth_asking) return;
    const std::optional<std::size_t> room = memory_room();
    if (!room || bytes <= *room) return;
    throw ArenaFull("arena: asked for " + std::to_string(bytes) +
                    " bytes, but the system, or this process's memory cgroup, has only " + std::to_string(*room) +
                    " left, though " + std::to_string(free_bytes()) + " of the arena's " +
                    std::to_string(heap_bytes()) + " bytes of address space are free");
  }

  std::size_t heap_bytes() const { return header_.size - header_.heap; }
  std::size_t free_bytes() const {
    ChunkMap map(self_.arena);
    std::size_t chunks = map.end() - map.top();
    map.for_each([&](std::uint32_t, ChunkWord word) {
      if (word.kind() == ChunkWord::Kind::free) chunks += word.span();
    });
    return chunks * chunk_bytes;
  }

  [[noreturn]] void throw_full(std::size_t bytes) const {
    throw ArenaFull("arena is full: asked for " + std::to_string(bytes) + " bytes, " + std::to_string(free_bytes()) + " of " +
                    std::to_string(heap_bytes()) +
                    " are free, perhaps not in one piece; free something, or give it more by mp::set_arena_size(bytes) before "
                    "its first use or by the environment's MULTIPROCESSING_ARENA_BYTES");
  }
  [[noreturn]] static void throw_corrupt() {
    throw CorruptArena(
        "the arena is corrupt: a pointer that is not one of its blocks was freed, or a block twice, or its records were "
        "overwritten; end this family of processes, and look for that");
  }
  [[noreturn]] static void throw_misaligned(std::size_t alignment) {
    throw ValueError("arena: an alignment of " + std::to_string(alignment) + " bytes; at most " + std::to_string(chunk_bytes) +
                     " can be had");
  }

  ThreadIdentity& self_;
  ArenaHeader& header_;
};

}  // namespace multiprocessing::detail
