// SPDX-License-Identifier: BSL-1.0
/// \file
/// SmallChunk: one chunk cut into blocks of one size, and who may do what to them.
#pragma once

#include <multiprocessing/detail/memory/chunk_map.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace multiprocessing::detail {

/// What a block is to those who come after a death.
enum class BlockState : std::uint8_t {
  free = 0,
  draft = 1,      // comes back when its process is gone
  published = 2,  // stays until it is freed
};

/// Where things lie in a chunk of small blocks of one size: the head, a state for each block, a bit for each block that another
/// thread gave back, the list of free blocks, the blocks.
struct SmallLayout {
  std::uint32_t count, remote_at, list_at, first;  // of the blocks; offsets of the tables; offset of the first block

  static constexpr std::uint32_t states_at = 64;
  static constexpr SmallLayout of(std::uint32_t size) {
    const std::uint32_t alignment = size % cache_line == 0 ? static_cast<std::uint32_t>(cache_line) : size % 32 == 0 ? 32 : 16;
    for (auto count = static_cast<std::uint32_t>(chunk_bytes / size);; --count) {
      const std::uint32_t remote_at = (states_at + count + 7) / 8 * 8;
      const std::uint32_t list_at = remote_at + (count + 63) / 64 * 8;
      const std::uint32_t first = (list_at + 2 * count + alignment - 1) / alignment * alignment;
      if (first + std::size_t{count} * size <= chunk_bytes) return {count, remote_at, list_at, first};
    }
  }
};

inline constexpr auto small_layouts = [] {
  std::array<SmallLayout, size_class_count> layouts{};
  for (std::size_t i = 0; i < size_class_count; ++i) layouts[i] = SmallLayout::of(size_classes[i]);
  return layouts;
}();

/// The head of a chunk of small blocks. The owner, a thread, takes blocks by plain stores; everyone else gives blocks back
/// by setting a bit. What a death leaves is told by the states alone: the list of free blocks is found again from them.
struct SmallChunk {
  std::atomic<std::uint32_t> owner;  // OwnerRef; 0: an orphan
  std::uint32_t size, count, first;  // of the blocks; offset of the first
  std::uint32_t reciprocal;          // ceil(2^32 / size): a division by it is exact below 64 KiB
  std::uint32_t free_count;          // entries of the list of free blocks
  std::uint32_t next, previous;      // in the ring of the owner's chunks of this class; chunk numbers
  std::uint32_t remote_at, list_at;  // see SmallLayout

  std::byte* bytes() { return reinterpret_cast<std::byte*>(this); }
  std::atomic<std::uint8_t>* states() { return reinterpret_cast<std::atomic<std::uint8_t>*>(bytes() + SmallLayout::states_at); }
  std::atomic<std::uint64_t>* remote() { return reinterpret_cast<std::atomic<std::uint64_t>*>(bytes() + remote_at); }
  std::uint16_t* list() { return reinterpret_cast<std::uint16_t*>(bytes() + list_at); }
  std::byte* block(std::uint32_t index) { return bytes() + first + std::size_t{index} * size; }
  std::uint32_t remote_words() const { return (count + 63) / 64; }

  /// The block that starts at `at`, or `count` when none does.
  std::uint32_t index_of(const void* at) {
    const auto offset = static_cast<std::uint64_t>(static_cast<const std::byte*>(at) - bytes()) - first;
    if (offset >= chunk_bytes) return count;
    const auto index = static_cast<std::uint32_t>(offset * reciprocal >> 32);
    return index < count && std::uint64_t{index} * size == offset ? index : count;
  }

  /// Lays out a chunk whose memory is zero or was another's. Seen by nobody until the chunk map says so.
  void lay_out(std::uint32_t size_class) {
    size = size_classes[size_class];
    reciprocal = static_cast<std::uint32_t>(((std::uint64_t{1} << 32) + size - 1) / size);
    const SmallLayout& layout = small_layouts[size_class];
    count = layout.count, first = layout.first, remote_at = layout.remote_at, list_at = layout.list_at;
    free_count = 0;
    for (std::uint32_t i = 0; i < count; ++i) states()[i].store(0, std::memory_order_relaxed);
    for (std::uint32_t i = 0; i < remote_words(); ++i) remote()[i].store(0, std::memory_order_relaxed);
  }

  /// Finds the list of free blocks again: for a new owner. Drafts stay: their process may live.
  void find_free() {
    take_back_remote();
    free_count = 0;
    for (std::uint32_t i = count; i-- > 0;)
      if (states()[i].load(std::memory_order_relaxed) == 0) list()[free_count++] = static_cast<std::uint16_t>(i);
  }

  /// Takes back what other threads freed. Only by the owner. Returns whether there was anything.
  ///
  /// killed                       then
  /// before the state is stored   the bit stands: the next owner does it
  /// before the bit is cleared    the state is free already, and the bit is cleared by the next owner
  /// before it is in the list     the list is found again from the states
  bool take_back_remote() {
    bool any = false;
    for (std::uint32_t w = 0; w < remote_words(); ++w) {
      // Acquire: what the one who freed the block did with it comes before its next use.
      for (std::uint64_t bits = remote()[w].load(std::memory_order_acquire); bits != 0; bits &= bits - 1) {
        const auto index = w * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
        states()[index].store(0, std::memory_order_relaxed);
        remote()[w].fetch_and(~(bits & (~bits + 1)), std::memory_order_release);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        list()[free_count++] = static_cast<std::uint16_t>(index);
        any = true;
      }
    }
    return any;
  }

  bool all_free() const { return free_count == count; }
  bool has_drafts() {
    for (std::uint32_t i = 0; i < count; ++i)
      if (states()[i].load(std::memory_order_relaxed) == static_cast<std::uint8_t>(BlockState::draft)) return true;
    return false;
  }
};
static_assert(sizeof(SmallChunk) <= SmallLayout::states_at);

/// The blocks of up to largest_small bytes, as one thread sees them.
class SmallBlocks {
 public:
  explicit SmallBlocks(ThreadIdentity& self) : self_(self) {}

  /// A block of this class, or nullptr when the arena is full.
  void* allocate(Domain domain, std::uint32_t size_class, BlockState state) {
    const std::uint32_t number = current(domain, size_class);
    if (number == 0 || chunk(number).free_count == 0) [[unlikely]] {
      if (!refill(domain, size_class)) return nullptr;
      return allocate(domain, size_class, state);
    }
    SmallChunk& from = chunk(number);
    const std::uint32_t index = from.list()[--from.free_count];
    std::atomic_signal_fence(std::memory_order_seq_cst);  // a kill in between loses nothing: the state still says free
    from.states()[index].store(static_cast<std::uint8_t>(state), std::memory_order_release);
    return from.block(index);
  }

  /// Takes back a block. Returns false when no such block is out.
  bool deallocate(std::uint32_t number, void* at) {
    SmallChunk& home = chunk(number);
    const std::uint32_t index = home.index_of(at);
    if (index == home.count || home.states()[index].load(std::memory_order_relaxed) == 0) return false;
    if (home.owner.load(std::memory_order_relaxed) != self_.owner.bits()) return give_back(home, index);
    // Another thread has freed it before: taken back once more, it would be handed out twice.
    if ((home.remote()[index / 64].load(std::memory_order_relaxed) >> index % 64 & 1) != 0) [[unlikely]] return false;
    home.states()[index].store(0, std::memory_order_release);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    home.list()[home.free_count++] = static_cast<std::uint16_t>(index);
    if (home.all_free()) [[unlikely]] retire(number);
    return true;
  }

  /// Takes back a block of a chunk that is not the caller's, who needs no identity for it. Returns false when it was given
  /// back before.
  static bool give_back(SmallChunk& home, std::uint32_t index) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << index % 64;
    // Release: what was done with the block comes before its next use.
    return (home.remote()[index / 64].fetch_or(bit, std::memory_order_release) & bit) == 0;
  }

  /// Makes every chunk of this thread an orphan: it ends.
  void let_all_go() {
    ChunkMap map(self_.arena);
    for (std::uint32_t domain = 0; domain < block_domains; ++domain) {
      for (std::uint32_t size_class = 0; size_class < size_class_count; ++size_class) {
        while (const std::uint32_t number = self_.slot->owned[domain][size_class]) {
          leave_ring(number, self_.slot->owned[domain][size_class]);
          chunk(number).owner.store(0, std::memory_order_release);
          // Drafts come back with their process, so their chunk stays its own until then.
          if (!chunk(number).has_drafts()) map.orphan(number);
        }
        self_.slot->current[domain][size_class] = 0;
      }
    }
  }

 private:
  static constexpr std::uint32_t chunks_to_look_at = 8;  // for a free block, before a new chunk is taken

  SmallChunk& chunk(std::uint32_t number) const {
    return *reinterpret_cast<SmallChunk*>(self_.arena.chunk_memory(number));
  }
  std::uint32_t& current(Domain domain, std::uint32_t size_class) const {
    return self_.slot->current[static_cast<std::uint32_t>(domain)][size_class];
  }
  std::uint32_t& owned(Domain domain, std::uint32_t size_class) const {
    return self_.slot->owned[static_cast<std::uint32_t>(domain)][size_class];
  }

  // Makes `current` an own chunk with a free block, if there is one among the next `most` of the ring. Looking goes on where
  // it left off, and what is new comes last: so all come up in turn, however many are full.
  bool find_own(Domain domain, std::uint32_t size_class, std::uint32_t most) {
    std::uint32_t& next = owned(domain, size_class);
    const std::uint32_t start = next;
    for (std::uint32_t looked = 0; looked < most && next != 0; ++looked) {
      const std::uint32_t at = next;
      next = chunk(at).next;
      chunk(at).take_back_remote();
      if (chunk(at).free_count != 0) {
        current(domain, size_class) = at;
        return true;
      }
      if (next == start) return false;
    }
    return false;
  }

  // Makes `current` a chunk with a free block: an own one, an orphan, or a new one.
  bool refill(Domain domain, std::uint32_t size_class) {
    if (find_own(domain, size_class, chunks_to_look_at)) return true;
    ChunkMap map(self_.arena);
    const ProcessRef process = this_process(self_.arena);
    self_.arena.process(process.slot()).chunks.fetch_add(1, std::memory_order_relaxed);
    std::uint32_t fresh = map.adopt(domain, size_class, process);
    if (fresh != 0) {
      chunk(fresh).find_free();
    } else {
      fresh = map.take(1, process);
      if (fresh != 0 && map.commit(fresh, 1) != 0) {
        map.free(fresh);
        fresh = 0;
      }
      if (fresh == 0) return find_own(domain, size_class, std::numeric_limits<std::uint32_t>::max());
      chunk(fresh).lay_out(size_class);
      chunk(fresh).find_free();
      map.set(fresh, ChunkWord::small(domain, size_class, process));
    }
    chunk(fresh).owner.store(self_.owner.bits(), std::memory_order_release);
    join_ring(fresh, owned(domain, size_class));
    current(domain, size_class) = fresh;
    return chunk(fresh).free_count != 0 || refill(domain, size_class);
  }

  // A chunk of this thread's without a block in use goes back, unless it is the one that allocations come from.
  void retire(std::uint32_t number) {
    ChunkMap map(self_.arena);
    const ChunkWord word = map.word(number);
    if (current(word.domain(), word.size_class()) == number) return;
    leave_ring(number, owned(word.domain(), word.size_class()));
    map.free(number);
  }

  void join_ring(std::uint32_t number, std::uint32_t& next) {
    if (next == 0) next = chunk(number).previous = number;
    SmallChunk& behind = chunk(next);
    chunk(number).next = next;
    chunk(number).previous = behind.previous;
    chunk(behind.previous).next = number;
    behind.previous = number;
  }
  void leave_ring(std::uint32_t number, std::uint32_t& next) {
    const SmallChunk& gone = chunk(number);
    chunk(gone.previous).next = gone.next;
    chunk(gone.next).previous = gone.previous;
    if (next == number) next = gone.next == number ? 0 : gone.next;
  }

  ThreadIdentity& self_;
};

inline void let_chunks_go(const ThreadIdentity& self) {
  ThreadIdentity copy = self;
  SmallBlocks(copy).let_all_go();
}

}  // namespace multiprocessing::detail
