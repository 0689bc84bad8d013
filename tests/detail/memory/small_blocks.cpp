// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/memory/small_blocks.hpp>

#include "support/catch.hpp"
#include "support/outside.hpp"

#include <multiprocessing/detail/memory/heap.hpp>
#include <multiprocessing/detail/memory/identity.hpp>

#include <deque>
#include <random>
#include <set>
#include <thread>
#include <vector>

using namespace multiprocessing::detail;

namespace {

constexpr std::size_t of_64 = 64;

std::uint32_t chunk_of(const void* block) {
  return static_cast<std::uint32_t>(the_arena().offset_of(block) / chunk_bytes);
}
void* allocate(std::size_t bytes = of_64, std::size_t alignment = 16) {
  return Heap(this_thread()).allocate(bytes, alignment);
}
void deallocate(void* block) { Heap(this_thread()).deallocate(block); }
bool corrupt() { return the_arena().header().corrupt != 0; }

}  // namespace

TEST_CASE("SmallLayout: tables and blocks of each class lie apart, in their chunk, and aligned",
          "[detail][small_blocks]") {
  for (std::size_t i = 0; i < size_class_count; ++i) {
    const SmallLayout& layout = small_layouts[i];
    const std::size_t size = size_classes[i];
    CAPTURE(size);
    CHECK(layout.remote_at >= SmallLayout::states_at + layout.count);
    CHECK(layout.remote_at % 8 == 0);
    CHECK(layout.list_at >= layout.remote_at + (layout.count + 63) / 64 * 8);
    CHECK(layout.first >= layout.list_at + 2 * layout.count);
    CHECK(layout.first + layout.count * size <= chunk_bytes);
    CHECK(layout.first % (size % 64 == 0 ? 64 : size % 32 == 0 ? 32 : 16) == 0);
    CHECK(layout.count * size >= chunk_bytes * 3 / 4);
  }
}

TEST_CASE("SmallChunk: finds each block by its address, and nothing between", "[detail][small_blocks]") {
  alignas(64) static std::array<std::byte, chunk_bytes> memory{};
  auto& chunk = *reinterpret_cast<SmallChunk*>(memory.data());
  for (std::uint32_t size_class = 0; size_class < size_class_count; ++size_class) {
    chunk.lay_out(size_class);
    CAPTURE(size_classes[size_class]);
    std::size_t wrong = 0;
    for (std::size_t at = 0; at < chunk_bytes; ++at) {
      const bool starts_one =
          at >= chunk.first && (at - chunk.first) % chunk.size == 0 && (at - chunk.first) / chunk.size < chunk.count;
      const std::uint32_t expected =
          starts_one ? static_cast<std::uint32_t>((at - chunk.first) / chunk.size) : chunk.count;
      if (chunk.index_of(memory.data() + at) != expected) ++wrong;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("SmallBlocks: a block is nobody else's while it is out, and comes back", "[detail][small_blocks]") {
  std::set<void*> out;
  for (int i = 0; i < 3000; ++i) CHECK(out.insert(allocate()).second);
  for (void* block : out) deallocate(block);
  void* again = allocate();
  CHECK(out.contains(again));
  deallocate(again);
  CHECK_FALSE(corrupt());
}

TEST_CASE("SmallBlocks: blocks lie at multiples of what was asked", "[detail][small_blocks]") {
  for (const std::size_t alignment : {16u, 32u, 64u}) {
    for (const std::size_t bytes : {1u, 17u, 33u, 65u, 100u, 513u, 3000u, 16192u}) {
      void* const block = allocate(bytes, alignment);
      CHECK(reinterpret_cast<std::uintptr_t>(block) % alignment == 0);
      deallocate(block);
    }
  }
}

TEST_CASE("SmallBlocks: chunks without a block in use go back", "[detail][small_blocks]") {
  std::vector<void*> blocks;
  std::set<std::uint32_t> chunks;
  for (int i = 0; i < 20'000; ++i) blocks.push_back(allocate()), chunks.insert(chunk_of(blocks.back()));
  for (void* block : blocks) deallocate(block);
  std::size_t kept = 0;
  for (const std::uint32_t chunk : chunks) kept += ChunkMap(the_arena()).word(chunk).kind() == ChunkWord::Kind::small;
  CHECK(chunks.size() > 15);
  CHECK(kept <= 1);
}

TEST_CASE("SmallBlocks: what another thread frees is used again by the owner", "[detail][small_blocks]") {
  std::vector<void*> blocks;
  std::set<std::uint32_t> chunks;
  for (int i = 0; i < 5000; ++i) blocks.push_back(allocate()), chunks.insert(chunk_of(blocks.back()));
  std::thread([&] {
    for (void* block : blocks) deallocate(block);
  }).join();
  for (void*& block : blocks) block = allocate();
  for (void* block : blocks) chunks.insert(chunk_of(block));
  CHECK(chunks.size() <= 6);
  for (void* block : blocks) deallocate(block);
  CHECK_FALSE(corrupt());
}

TEST_CASE("SmallBlocks: one allocates and another frees later, for ever: the memory in use does not grow",
          "[detail][small_blocks]") {
  // The backlog fills more chunks than the owner looks at when one is full.
  constexpr std::size_t backlog = 40 * 1000;
  std::deque<void*> out;
  std::set<std::uint32_t> chunks;
  std::vector<void*> batch;
  for (int round = 0; round < 20; ++round) {
    while (out.size() < backlog + 10'000) out.push_back(allocate()), chunks.insert(chunk_of(out.back()));
    batch.assign(out.begin(), out.begin() + 10'000);
    out.erase(out.begin(), out.begin() + 10'000);
    std::thread([&] {
      for (void* block : batch) deallocate(block);
    }).join();
  }
  const std::size_t needed = (backlog + 10'000) / small_layouts[size_class_of(of_64)].count + 1;
  CHECK(chunks.size() <= needed * 4 / 3);
  for (void* block : out) deallocate(block);
  CHECK_FALSE(corrupt());
}

TEST_CASE("SmallBlocks: the chunks of a thread that ended serve the next", "[detail][small_blocks]") {
  std::set<std::uint32_t> first, second;
  std::vector<void*> kept;
  const auto work = [&](std::set<std::uint32_t>& chunks) {
    return [&] {
      for (int i = 0; i < 100; ++i) {
        void* const block = allocate(640);
        chunks.insert(chunk_of(block));
        i % 10 == 0 ? kept.push_back(block) : deallocate(block);
      }
    };
  };
  std::thread(work(first)).join();
  std::thread(work(second)).join();
  CHECK(first == second);
  for (void* block : kept) deallocate(block);
  CHECK_FALSE(corrupt());
}

TEST_CASE("SmallBlocks: many threads that allocate and free each other's blocks get each its own",
          "[detail][small_blocks]") {
  std::array<std::atomic<unsigned char*>, 256> exchange{};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (unsigned t = 1; t <= 4; ++t) {
    threads.emplace_back([&, t] {
      std::minstd_rand random(t);
      for (int i = 0; i < 10'000; ++i) {
        const std::size_t bytes = 16 + random() % 600;
        auto* block = static_cast<unsigned char*>(allocate(bytes));
        block[0] = block[15] = static_cast<unsigned char>(t + static_cast<unsigned>(i));
        block = exchange[random() % exchange.size()].exchange(block);
        if (block == nullptr) continue;
        if (block[0] != block[15]) ++wrong;
        deallocate(block);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (auto& each : exchange)
    if (each.load() != nullptr) deallocate(each.load());
  CHECK(wrong == 0);
  CHECK_FALSE(corrupt());
}

TEST_CASE("SmallBlocks: a block freed twice is noticed, whoever frees it", "[detail][small_blocks]") {
  const int by_others = GENERATE(0, 1, 2, 3);  // bit 0: the first time by another thread, bit 1: the second time
  CAPTURE(by_others);
  CHECK(in_child([by_others] {
          this_thread();
          void* const keep = allocate();
          void* const block = allocate();
          for (int turn = 0; turn < 2; ++turn) {
            demand(!corrupt(), "not before the second time");
            if ((by_others >> turn & 1) != 0) {
              std::thread([&] { deallocate(block); }).join();
            } else {
              deallocate(block);
            }
          }
          demand(corrupt(), "it is noticed");
          the_arena().header().corrupt = 0;  // the arena is the parent's, too
          deallocate(keep);
        }) == 0);
}

TEST_CASE("SmallBlocks: the list of free blocks is found again from the states", "[detail][small_blocks]") {
  alignas(64) static std::array<std::byte, chunk_bytes> memory{};
  auto& chunk = *reinterpret_cast<SmallChunk*>(memory.data());
  chunk.lay_out(size_class_of(of_64));
  chunk.find_free();
  CHECK(chunk.all_free());
  chunk.states()[3] = static_cast<std::uint8_t>(BlockState::published);
  chunk.states()[5] = static_cast<std::uint8_t>(BlockState::draft);
  chunk.states()[7] = static_cast<std::uint8_t>(BlockState::published);
  chunk.remote()[0] = 1 << 7;  // given back, and its owner died before it took it
  chunk.free_count = 77;       // and left this
  chunk.find_free();
  CHECK(chunk.free_count == chunk.count - 2);
  CHECK(chunk.states()[7] == 0);
  CHECK(chunk.remote()[0] == 0);
  CHECK(chunk.has_drafts());
  const std::set<std::uint16_t> listed(chunk.list(), chunk.list() + chunk.free_count);
  CHECK(listed.size() == chunk.free_count);
  CHECK_FALSE(listed.contains(3));
  CHECK_FALSE(listed.contains(5));
}
