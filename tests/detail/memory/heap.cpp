// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/memory/heap.hpp>

#include "support/catch.hpp"
#include "support/fresh_arena.hpp"

#include <multiprocessing/arena/size.hpp>

#include <algorithm>
#include <cstring>
#include <thread>
#include <vector>

using namespace multiprocessing::detail;
namespace mp = multiprocessing;

namespace {

constexpr std::size_t MiB = 1 << 20;

Heap heap() { return Heap(this_thread()); }
std::size_t used() { return mp::arena_usage().used; }

/// Memory of the system that the arena holds.
std::size_t memory() {
  struct stat status {};
  ::fstat(the_arena().inherited_page().memfd.get(), &status);
  return static_cast<std::size_t>(status.st_blocks) * 512;
}

}  // namespace

TEST_CASE("Heap: blocks of all sizes are writable from end to end, and apart", "[detail][heap]") {
  const std::size_t before = used();
  std::vector<std::pair<unsigned char*, std::size_t>> blocks;
  unsigned char mark = 1;
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{64}, std::size_t{4096}, largest_small,
                                  largest_small + 1, chunk_bytes, chunk_bytes + 1, MiB, 3 * MiB + 7}) {
    blocks.emplace_back(static_cast<unsigned char*>(heap().allocate(bytes)), bytes);
    std::memset(blocks.back().first, mark++, bytes);
  }
  mark = 1;
  for (const auto& [block, bytes] : blocks) {
    CAPTURE(bytes);
    CHECK(std::all_of(block, block + bytes, [mark](unsigned char byte) { return byte == mark; }));
    ++mark;
  }
  for (const auto& [block, bytes] : blocks) heap().deallocate(block);
  CHECK(used() == before);
}

TEST_CASE("Heap: aligns up to a chunk, and says so beyond", "[detail][heap]") {
  for (std::size_t alignment = 1; alignment <= chunk_bytes; alignment *= 2) {
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{100}, std::size_t{20'000}}) {
      void* const block = heap().allocate(bytes, alignment);
      CHECK(reinterpret_cast<std::uintptr_t>(block) % alignment == 0);
      heap().deallocate(block);
    }
  }
  CHECK_THROWS_AS(heap().allocate(1, chunk_bytes * 2), mp::ValueError);
}

TEST_CASE("Heap: large blocks give their memory back", "[detail][heap]") {
  const std::size_t before = memory();
  void* const block = heap().allocate(100 * MiB);
  CHECK(memory() >= 100 * MiB);
  heap().deallocate(block);
  CHECK(memory() <= before + 17 * MiB);  // some is kept for the next
}

TEST_CASE("Heap: what is full says what was asked, what is free, and what to do; and can be used again",
          "[detail][heap]") {
  CHECK(
      in_fresh_arena([] {
        asked_arena_bytes = MiB;
        std::vector<void*> blocks;
        const auto fill = [&](std::size_t bytes) {
          return [&blocks, bytes] {
            for (;;) blocks.push_back(heap().allocate(bytes));
          };
        };
        demand_throws<mp::ArenaFull>(fill(100'000), "asked for 100000 bytes");
        demand_throws<mp::ArenaFull>(fill(64), "asked for 64 bytes, 0 of 1048576 are free");
        demand_throws<std::bad_alloc>(fill(1), "MULTIPROCESSING_ARENA_BYTES");
        demand_throws<mp::ArenaFull>([] { heap().allocate(std::size_t{1} << 50); }, "asked for 1125899906842624 bytes");
        demand_throws<mp::ArenaFull>([] { heap().allocate(~std::size_t{0}); }, "asked for 18446744073709551615 bytes");
        demand_throws<mp::ArenaFull>([] { heap().allocate(~std::size_t{0} - chunk_bytes); }, "asked for");
        for (void* block : blocks) heap().deallocate(block);
        heap().deallocate(heap().allocate(10 * chunk_bytes));
      }) == 0);
}

TEST_CASE("Heap: all of a tiny arena but a chunk for the small can be had in one piece", "[detail][heap]") {
  CHECK(in_fresh_arena([] {
          asked_arena_bytes = MiB;
          heap().deallocate(heap().allocate(64));
          for (int i = 0; i < 3; ++i) heap().deallocate(heap().allocate(MiB - chunk_bytes));
          heap().deallocate(heap().allocate(MiB / 2));
          heap().deallocate(heap().allocate(MiB - chunk_bytes));
        }) == 0);
}

TEST_CASE("Heap: an arena of 16 TiB can be made, and runs of any length are known in it", "[detail][heap]") {
  CHECK(in_fresh_arena([] {
          asked_arena_bytes = largest_arena;
          try {
            the_arena();
          } catch (const mp::OSError&) {
            std::fprintf(stderr, "skipped: no 16 TiB of address space here\n");
            return;
          }
          demand(mp::arena_usage().size == largest_arena, "its size");
          void* const block = heap().allocate(5 * MiB);
          ChunkMap map(the_arena());
          const ProcessRef me = this_process(the_arena());
          const std::uint32_t huge = map.take(std::uint32_t{20} << 20, me);  // 1.25 TiB, which no memory is asked for
          demand(huge != 0 && map.word(huge).span() == std::uint32_t{20} << 20 && map.word(huge).owner() == me,
                 "its length is kept");
          map.free(huge);
          heap().deallocate(block);
          demand(map.take(std::uint32_t{100} << 20, me) != 0, "6 TiB");
        }) == 0);
}

TEST_CASE("Heap: with no memory for what was asked, it is an exception, and the arena goes on", "[detail][heap]") {
  // A filter that lets no page be had stands for a system that has none.
  CHECK(in_fresh_arena([] {
          heap().deallocate(heap().allocate(64));
          refuse_system_call(SYS_madvise, ENOMEM);
          demand_throws<mp::ArenaFull>([] { heap().allocate(64 * MiB); },
                                       "the system has no memory for a block of 67108864 bytes");
          heap().deallocate(heap().allocate(64));
        }) == 0);
}

TEST_CASE("Heap: more than the system can give is an exception with the figures, and nobody is killed",
          "[detail][heap]") {
  const auto room = memory_room();
  if (!room) return;
  CHECK(in_fresh_arena([&] {
          asked_arena_bytes = std::min(largest_arena, *room * 2 + (std::size_t{2} << 30));
          demand_throws<mp::ArenaFull>([&] { heap().allocate(*room + (std::size_t{1} << 30)); },
                                       "bytes, but the system, or");
          heap().deallocate(heap().allocate(16 * MiB));
        }) == 0);
}

TEST_CASE("Heap: works under RLIMIT_FSIZE, without a signal", "[detail][heap]") {
  CHECK(in_fresh_arena([] {
          the_arena();
          limit(RLIMIT_FSIZE, 1);
          auto* block = static_cast<char*>(heap().allocate(64 * MiB));
          block[64 * MiB - 1] = 1;
          heap().deallocate(block);
        }) == 0);
}

TEST_CASE("Heap: a foreign pointer marks the arena, and the next call says so", "[detail][heap]") {
  const int kind = GENERATE(0, 1, 2, 3, 4, 5, 6);
  CAPTURE(kind);
  CHECK(in_fresh_arena([kind] {
          asked_arena_bytes = MiB;
          int own = 0;
          auto* const small = static_cast<std::byte*>(heap().allocate(100));
          auto* const large = static_cast<std::byte*>(heap().allocate(200'000));
          void* const bad[] = {
              &own, small + 1, small + 8192, large + 16, large + chunk_bytes, large + 500'000, the_arena().base()};
          heap().check();
          heap().deallocate(bad[kind]);
          demand_throws<mp::CorruptArena>([] { heap().check(); }, "the arena is corrupt");
          demand_throws<mp::CorruptArena>([] { heap().allocate(1); }, "a block twice");
          heap().deallocate(small);  // does not throw all the same
        }) == 0);
}

TEST_CASE("Heap: a large block freed twice is noticed", "[detail][heap]") {
  CHECK(in_fresh_arena([] {
          asked_arena_bytes = MiB;
          void* const block = heap().allocate(200'000);
          heap().deallocate(block);
          heap().check();
          heap().deallocate(block);
          demand_throws<mp::CorruptArena>([] { heap().check(); }, "freed");
        }) == 0);
}

TEST_CASE("Heap: drafts of a killed process come back, of every size; published blocks stay", "[detail][heap]") {
  heap().deallocate(heap().allocate(64));
  const std::size_t before = used();
  const auto state = GENERATE(BlockState::draft, BlockState::published);
  const std::size_t bytes = GENERATE(as<std::size_t>{}, 64, 5000, chunk_bytes, 2 * MiB);
  CAPTURE(bytes, state);
  Outside<void*> block;
  REQUIRE(in_child([&] {
            *block = heap().allocate(bytes, 16, Domain::raw, state);
            ::raise(SIGKILL);
          }) == 128 + SIGKILL);
  if (state == BlockState::draft) {
    CHECK(used() == before);
  } else {
    CHECK(used() > before);
    heap().deallocate(*block);
    CHECK(used() == before);
  }
}

TEST_CASE("Heap: publish() makes a draft stay", "[detail][heap]") {
  const std::size_t before = used();
  const std::size_t bytes = GENERATE(as<std::size_t>{}, 64, 2 * MiB);
  Outside<void*> block;
  REQUIRE(in_child([&] {
            *block = heap().allocate(bytes, 16, Domain::raw, BlockState::draft);
            heap().publish(*block);
          }) == 0);
  CHECK(used() > before);
  heap().deallocate(*block);
  CHECK(used() == before);
}

TEST_CASE("Heap: drafts of a process that lives or is stopped are left alone", "[detail][heap]") {
  const std::size_t before = used();
  Steps steps;
  const pid_t child = start_child([&] {
    heap().allocate(64, 16, Domain::raw, BlockState::draft);
    heap().allocate(MiB, 16, Domain::raw, BlockState::draft);
    steps.reach(1);
    for (;;) ::pause();
  });
  REQUIRE(steps.await(1));
  ::kill(child, SIGSTOP);
  REQUIRE(wait_until([&] { return state_of(child) == 'T'; }));
  CHECK(used() >= before + MiB + 64);
  kill_child(child);
  CHECK(used() == before);
}

TEST_CASE("Heap: a process that dies freeing a large block, its only one, leaves no leak", "[detail][heap]") {
  const std::size_t before = used();
  void* const block = heap().allocate(2 * MiB);
  Outside<bool> done;
  REQUIRE(in_child([&] {
            // Killed between the two steps of deallocate(): a draft, and then free.
            refuse_system_call(SYS_madvise, ENOSYS);
            the_arena().header().kept = kept_chunks;
            ArenaHeader& header = the_arena().header();
            const ThreadIdentity& self = this_thread();
            header.chunks.lock();  // the second step waits for this for ever
            std::thread([&] { Heap(this_thread()).deallocate(block); }).detach();
            wait_until([&] {
              return ChunkMap(self.arena)
                         .word(static_cast<std::uint32_t>(self.arena.offset_of(block) / chunk_bytes))
                         .kind() == ChunkWord::Kind::draft;
            });
            ::raise(SIGKILL);
          }) == 128 + SIGKILL);
  CHECK(used() == before);
}

TEST_CASE("Heap: free() works for a thread that can get no identity", "[detail][heap]") {
  void* const small = heap().allocate(64);
  void* const large = heap().allocate(MiB);
  const std::size_t before = used();
  CHECK(in_child([&] {
          // No token is to be had: as in the 8192nd thread.
          ArenaHeader& header = the_arena().header();
          const std::uint32_t ready = header.thread_slots_ready;
          std::vector<RobustMutex*> taken;
          for (std::uint32_t i = 0; i < ready; ++i)
            if (the_arena().thread(i).token.try_lock() == RobustMutex::Result::taken)
              taken.push_back(&the_arena().thread(i).token);
          const auto out_of_slots = [&] {
            try {
              this_thread();
              return false;
            } catch (const std::exception&) {
              return true;
            }
          };
          while (registration::grow_threads(the_arena())) {
          }
          for (std::uint32_t i = ready; i < slot_limit; ++i)
            if (the_arena().thread(i).token.try_lock() == RobustMutex::Result::taken)
              taken.push_back(&the_arena().thread(i).token);
          demand(out_of_slots(), "no slot is left");
          Heap::free(small);
          Heap::free(large);
          int own = 0;
          demand(the_arena().header().corrupt == 0, "that was right");
          Heap::free(&own);
          demand(the_arena().header().corrupt == 1, "that was wrong");
          the_arena().header().corrupt = 0;
          for (RobustMutex* token : taken) token->unlock();
        }) == 0);
  heap().deallocate(heap().allocate(64));
  CHECK(used() <= before - 64 - MiB);
}

TEST_CASE("Heap: what a process allocated and left is adopted by others", "[detail][heap]") {
  std::vector<void*> blocks;
  Outside<std::array<void*, 100>> out;
  const std::size_t before = mp::arena_usage().reserved;
  for (int round = 0; round < 30; ++round) {
    REQUIRE(in_child([&] {
              for (void*& block : *out) block = heap().allocate(900);
            }) == 0);
    for (void* block : *out) heap().deallocate(block);
  }
  CHECK(mp::arena_usage().reserved <= before + 6 * chunk_bytes);
}
