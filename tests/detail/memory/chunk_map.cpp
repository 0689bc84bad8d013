// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/memory/chunk_map.hpp>

#include "support/catch.hpp"
#include "support/fresh_arena.hpp"

#include <multiprocessing/detail/memory/identity.hpp>

#include <map>
#include <random>
#include <thread>
#include <vector>

using namespace multiprocessing::detail;
using Kind = ChunkWord::Kind;

namespace {

constexpr std::uint32_t chunks = 64;

/// A fresh arena of 64 chunks.
ChunkMap small_map() {
  asked_arena_bytes = chunks * chunk_bytes;
  this_thread();
  return ChunkMap(the_arena());
}
ProcessRef me() { return this_process(the_arena()); }

std::map<std::uint32_t, std::pair<Kind, std::uint32_t>> runs(const ChunkMap& map) {
  std::map<std::uint32_t, std::pair<Kind, std::uint32_t>> found;
  map.for_each([&](std::uint32_t number, ChunkWord word) { found[number - map.first()] = {word.kind(), word.span()}; });
  return found;
}

/// That the index says what the words say: a taker for each free run, of just its length, gets it.
void demand_index_is_right(ChunkMap& map) {
  std::multimap<std::uint32_t, std::uint32_t> free;
  for (const auto& [at, run] : runs(map))
    if (run.first == Kind::free) free.emplace(run.second, at);
  std::vector<std::uint32_t> taken;
  for (auto each = free.rbegin(); each != free.rend(); ++each) {
    const std::uint32_t run = map.take(each->first, me());
    demand(run != 0, "a free run can be had");
    taken.push_back(run);
  }
  for (const std::uint32_t run : taken) map.free(run);
}

}  // namespace

TEST_CASE("ChunkWord: keeps all that it is given, up to its limits", "[detail][chunk_map]") {
  const ProcessRef owner(8190, 0x7ffff);
  const ChunkWord draft(Kind::draft, ChunkWord::longest, owner, Domain::object);
  CHECK(draft.kind() == Kind::draft);
  CHECK(draft.span() == ChunkWord::longest);
  CHECK(draft.owner() == owner);
  CHECK(draft.domain() == Domain::object);
  for (const Domain domain : {Domain::raw, Domain::object}) {
    const ChunkWord small = ChunkWord::small(domain, size_class_count - 1, owner);
    CHECK(small.kind() == Kind::small);
    CHECK(small.span() == 1);
    CHECK(small.size_class() == size_class_count - 1);
    CHECK(small.domain() == domain);
    CHECK(small.owner() == owner);
  }
  CHECK(ChunkWord().kind() == Kind::virgin);
  CHECK(ChunkWord().span() == 0);
}

TEST_CASE("ChunkMap: a run of any length of the largest arena fits a word, or is refused", "[detail][chunk_map]") {
  CHECK(in_fresh_arena([] {
          ChunkMap map = small_map();
          demand(map.take(ChunkWord::longest + 1, me()) == 0, "too long");
          demand(runs(map).empty(), "and nothing was changed");
          demand(std::size_t{ChunkWord::longest} * chunk_bytes >= largest_arena - chunk_bytes,
                 "longest is long enough");
        }) == 0);
}

TEST_CASE("ChunkMap: takes runs one behind the other, then what was freed", "[detail][chunk_map]") {
  CHECK(in_fresh_arena([] {
          ChunkMap map = small_map();
          const std::uint32_t a = map.take(2, me()), b = map.take(3, me()), c = map.take(1, me());
          demand(b == a + 2 && c == b + 3 && a == map.first(), "one behind the other");
          demand(map.word(b).kind() == Kind::draft && map.word(b).owner() == me(), "as drafts of this process");
          map.free(b);
          demand(map.take(1, me()) == b && map.take(2, me()) == b + 1, "what was freed is used first, and split");
        }) == 0);
}

TEST_CASE("ChunkMap: neighbours that are free become one", "[detail][chunk_map]") {
  CHECK(in_fresh_arena([] {
          ChunkMap map = small_map();
          std::vector<std::uint32_t> taken;
          for (int i = 0; i < 6; ++i) taken.push_back(map.take(2, me()));
          for (const int i : {1, 3, 2, 4}) map.free(taken[static_cast<std::size_t>(i)]);
          const auto found = runs(map);
          demand(found.size() == 3 && found.at(2) == std::pair(Kind::free, 8u), "one run of eight");
          demand_index_is_right(map);
        }) == 0);
}

TEST_CASE("ChunkMap: a run may begin in the free end of what is used, so that all of the arena can be had",
          "[detail][chunk_map]") {
  CHECK(in_fresh_arena([] {
          ChunkMap map = small_map();
          const std::uint32_t half = map.take(chunks / 2, me());
          map.free(half);
          const std::uint32_t most = map.take(chunks - 1, me());
          demand(most == half, "63 of 64, of which 32 were used before");
          demand(map.take(2, me()) == 0, "there is one left");
          demand(map.take(1, me()) != 0, "which can be had");
          demand(map.take(1, me()) == 0, "and that is all");
          map.free(most);
          demand_index_is_right(map);
        }) == 0);
}

TEST_CASE("ChunkMap: a run is found, however many that are too short are listed before it", "[detail][chunk_map]") {
  CHECK(in_fresh_arena([] {
          asked_arena_bytes = 1024 * chunk_bytes;
          this_thread();
          ChunkMap map(the_arena());
          std::vector<std::uint32_t> taken;
          taken.push_back(map.take(3, me()));  // the only one of three
          for (int i = 0; i < 300; ++i) map.take(1, me()), taken.push_back(map.take(2, me()));
          while (map.take(1, me()) != 0) {
          }
          for (const std::uint32_t run : taken) map.free(run);
          demand(map.take(3, me()) == taken[0], "it is found");
        }) == 0);
}

TEST_CASE("ChunkMap: orphans are adopted by who needs their class", "[detail][chunk_map]") {
  CHECK(in_fresh_arena([] {
          ChunkMap map = small_map();
          const std::uint32_t a = map.take(1, me()), b = map.take(1, me());
          map.set(a, ChunkWord::small(Domain::raw, 3, me()));
          map.set(b, ChunkWord::small(Domain::object, 3, me()));
          map.orphan(a);
          map.orphan(b);
          demand(!map.word(a).owner(), "it is nobody's");
          demand(map.adopt(Domain::raw, 4, me()) == 0, "another class");
          demand(map.adopt(Domain::raw, 3, me()) == a && map.adopt(Domain::raw, 3, me()) == 0, "once");
          demand(map.word(a).owner() == me() && map.word(a).size_class() == 3, "it is ours");
          demand(map.adopt(Domain::object, 3, me()) == b, "of its own kind");
        }) == 0);
}

TEST_CASE("ChunkMap: freed memory is kept up to a bound, and goes back beyond it", "[detail][chunk_map]") {
  CHECK(in_fresh_arena([] {
          asked_arena_bytes = 1024 * chunk_bytes;
          this_thread();
          const ArenaMemory arena = the_arena();
          ChunkMap map(arena);
          const auto memory = [&] {
            struct stat status {};
            ::fstat(arena.inherited_page().memfd.get(), &status);
            return static_cast<std::size_t>(status.st_blocks) * 512;
          };
          const std::size_t before = memory();
          std::vector<std::uint32_t> taken;
          for (int i = 0; i < 8; ++i) {
            taken.push_back(map.take(64, me()));
            demand(map.commit(taken.back(), 64) == 0, "memory is had");
          }
          demand(memory() >= before + 512 * chunk_bytes, "512 chunks of it");
          for (const std::uint32_t run : taken) map.free(run);
          demand(memory() <= before + (kept_chunks + 4) * chunk_bytes, "256 are kept");
          demand(memory() >= before + kept_chunks / 2 * chunk_bytes, "and not much less");
          for (int i = 0; i < 8; ++i)
            taken[static_cast<std::size_t>(i)] = map.take(64, me()), map.commit(taken[static_cast<std::size_t>(i)], 64);
          demand(arena.header().kept == 0, "all that was kept is in use");
        }) == 0);
}

TEST_CASE("ChunkMap: what a killed holder of the mutex left half done is put right", "[detail][chunk_map]") {
  CHECK(in_fresh_arena([] {
          ChunkMap map = small_map();
          std::vector<std::uint32_t> taken;
          for (int i = 0; i < 8; ++i) taken.push_back(map.take(3, me()));
          for (const int i : {1, 2, 5}) map.free(taken[static_cast<std::size_t>(i)]);
          const auto before = runs(map);
          demand(in_child([] {
                   ArenaHeader& header = the_arena().header();
                   header.chunks.lock();
                   for (std::uint32_t& head : header.free_runs) head = 0x1234;  // an index that makes no sense
                   for (auto& domain : header.orphans)
                     for (std::uint32_t& head : domain) head = 0x1234;
                 }) == 0,
                 "a child dies with the mutex");
          map.free(taken[3]);
          auto after = before;
          after[3] = {Kind::free, 9};
          after.erase(9);
          demand(runs(map) == after, "the words stand, and the free ones are joined");
          demand(map.adopt(Domain::raw, 1, me()) == 0, "there is no orphan");
          demand_index_is_right(map);
          demand(the_arena().header().corrupt == 0, "nothing was wrong with the words");
        }) == 0);
}

TEST_CASE("ChunkMap: words that make no sense mark the arena, and no more is done", "[detail][chunk_map]") {
  CHECK(in_fresh_arena([] {
          ChunkMap map = small_map();
          const std::uint32_t run = map.take(4, me());
          map.set(run, ChunkWord(Kind::large, 4000));
          demand(in_child([] { the_arena().header().chunks.lock(); }) == 0, "a child dies with the mutex");
          map.take(1, me());
          demand(the_arena().header().corrupt == 1, "the arena is marked");
        }) == 0);
}

TEST_CASE("ChunkMap: after any number of takes and frees by several threads all comes back as one run",
          "[detail][chunk_map]") {
  CHECK(in_fresh_arena([] {
          asked_arena_bytes = 256 * chunk_bytes;
          this_thread();
          std::vector<std::thread> threads;
          for (unsigned t = 1; t <= 4; ++t) {
            threads.emplace_back([t] {
              this_thread();
              ChunkMap map(the_arena());
              std::minstd_rand random(t);
              std::vector<std::uint32_t> mine;
              for (int i = 0; i < 500; ++i) {
                if (mine.size() < 8 && random() % 2 == 0) {
                  const auto span = static_cast<std::uint32_t>(1 + random() % 9);
                  if (const std::uint32_t run = map.take(span, me())) {
                    map.commit(run, span);
                    mine.push_back(run);
                  }
                } else if (!mine.empty()) {
                  std::swap(mine[random() % mine.size()], mine.back());
                  map.free(mine.back());
                  mine.pop_back();
                }
              }
              for (const std::uint32_t run : mine) map.free(run);
            });
          }
          for (auto& thread : threads) thread.join();
          const ChunkMap map(the_arena());
          const auto left = runs(map);
          demand(left.size() == 1 && left.begin()->second.first == Kind::free, "one free run");
        }) == 0);
}
