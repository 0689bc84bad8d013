// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/arena/size.hpp>

#include "support/catch.hpp"
#include "support/fresh_arena.hpp"

#include <multiprocessing/arena/allocator.hpp>
#include <multiprocessing/synchronize/lock.hpp>

#include <sys/stat.h>

#include <cstdlib>
#include <optional>
#include <thread>

namespace mp = multiprocessing;

namespace {

constexpr std::size_t MiB = 1 << 20;

mp::allocator<char> chars;

}  // namespace

TEST_CASE("set_arena_size: is what the arena can hold", "[arena][size]") {
  const std::size_t bytes = GENERATE(as<std::size_t>{}, MiB, 10 * MiB + 1, std::size_t{3} << 30, std::size_t{1} << 40);
  CAPTURE(bytes);
  CHECK(in_fresh_arena([bytes] {
          mp::set_arena_size(bytes);
          const std::size_t size = mp::arena_usage().size;
          demand(size >= bytes && size < bytes + (64 << 10), "its size is " + std::to_string(size));
        }) == 0);
}

TEST_CASE("set_arena_size: the last call before the first use counts", "[arena][size]") {
  CHECK(in_fresh_arena([] {
          mp::set_arena_size(std::size_t{1} << 40);
          mp::set_arena_size(2 * MiB);
          return mp::arena_usage().size == 2 * MiB;
        }) == 0);
}

TEST_CASE("set_arena_size: goes before the environment", "[arena][size]") {
  CHECK(in_fresh_arena([] {
          ::setenv("MULTIPROCESSING_ARENA_BYTES", "nonsense", 1);
          mp::set_arena_size(2 * MiB);
          return mp::arena_usage().size == 2 * MiB;
        }) == 0);
}

TEST_CASE("set_arena_size: refuses sizes out of bounds, at any time", "[arena][size]") {
  CHECK_THROWS_AS(mp::set_arena_size(0), mp::ValueError);
  CHECK_THROWS_WITH(mp::set_arena_size(MiB - 1),
                    contains("set_arena_size: an arena of 1048575 bytes") && contains("1 MiB to 16 TiB"));
  CHECK_THROWS_AS(mp::set_arena_size((std::size_t{16} << 40) + 1), mp::ValueError);
}

TEST_CASE("set_arena_size: is too late after the first use, and says what there is", "[arena][size]") {
  CHECK(in_fresh_arena([] {
          mp::set_arena_size(2 * MiB);
          const mp::Lock first_use;
          demand_throws<mp::AssertionError>([] { mp::set_arena_size(4 * MiB); }, "in use already, with 2097152 bytes");
          demand_throws<mp::AssertionError>([] { mp::set_arena_size(2 * MiB); }, "before the first lock");
          demand(in_child([] {
                   demand_throws<mp::AssertionError>([] { mp::set_arena_size(4 * MiB); }, "in use already");
                 }) == 0,
                 "a child's arena is its parent's");
        }) == 0);
}

TEST_CASE("MULTIPROCESSING_ARENA_BYTES: is the size where nobody said another", "[arena][size]") {
  const auto [text, bytes] =
      GENERATE(table<const char*, std::size_t>({{"1048576", MiB}, {"3M", 3 * MiB}, {"1g", 1024 * MiB}}));
  CAPTURE(text);
  CHECK(in_fresh_arena([text = text, bytes = bytes] {
          ::setenv("MULTIPROCESSING_ARENA_BYTES", text, 1);
          return mp::arena_usage().size == bytes;
        }) == 0);
}

TEST_CASE("MULTIPROCESSING_ARENA_BYTES: what it should be is said at the first use, and at each until it is right",
          "[arena][size]") {
  CHECK(in_fresh_arena([] {
          for (const char* text : {"", "lots", "-5", "12Q"}) {
            ::setenv("MULTIPROCESSING_ARENA_BYTES", text, 1);
            demand_throws<mp::ValueError>([] { mp::Lock lock; },
                                          std::string("MULTIPROCESSING_ARENA_BYTES: '") + text + "'");
          }
          ::setenv("MULTIPROCESSING_ARENA_BYTES", "1000", 1);
          demand_throws<mp::ValueError>([] { mp::Lock lock; }, "1 MiB to 16 TiB");
          ::setenv("MULTIPROCESSING_ARENA_BYTES", "99T", 1);
          demand_throws<mp::ValueError>([] { mp::Lock lock; }, "99T bytes; it may have from 1 MiB to 16 TiB");
          ::setenv("MULTIPROCESSING_ARENA_BYTES", "1M", 1);
          mp::Lock lock;
        }) == 0);
}

TEST_CASE("arena_usage: the default is 64 GiB of address space, and no memory", "[arena][size]") {
  CHECK(in_fresh_arena([] {
          ::unsetenv("MULTIPROCESSING_ARENA_BYTES");
          const mp::ArenaUsage usage = mp::arena_usage();
          demand(usage.size <= std::size_t{64} << 30 && usage.size >= std::size_t{1} << 30, "its size");
          demand(usage.used == 0 && usage.reserved == 0 && usage.committed == 0 && usage.objects == 0,
                 "nothing is in use");
          demand(usage.processes == 1, "by this process");
        }) == 0);
}

TEST_CASE("arena_usage: counts blocks, chunks, memory, objects and processes", "[arena][size]") {
  const mp::ArenaUsage before = mp::arena_usage();
  {
    const mp::Lock lock;
    const auto small = chars.allocate(100), large = chars.allocate(5 * MiB);
    const mp::ArenaUsage now = mp::arena_usage();
    CHECK(now.size == before.size);
    CHECK(now.used == before.used + 64 + 128 + 5 * MiB);
    CHECK(now.reserved >= before.reserved + 5 * MiB);
    CHECK(now.committed >= now.reserved);
    CHECK(now.objects == before.objects + 1);
    Steps steps;
    const pid_t child = start_child([&] {
      steps.reach(1);
      for (;;) ::pause();
    });
    steps.await(1);
    CHECK(mp::arena_usage().processes == before.processes + 1);
    kill_child(child);
    CHECK(mp::arena_usage().processes == before.processes);
    std::thread([&] { chars.deallocate(small, 100); }).join();
    CHECK(mp::arena_usage().used == before.used + 64 + 5 * MiB);
    chars.deallocate(large, 5 * MiB);
  }
  CHECK(mp::arena_usage().used == before.used);
  CHECK(mp::arena_usage().objects == before.objects);
}

TEST_CASE("arena_usage: what it says of memory is what the system says", "[arena][size]") {
  CHECK(in_fresh_arena([] {
          const auto blocks = [] {
            struct stat status {};
            ::fstat(mp::detail::the_arena().inherited_page().memfd.get(), &status);
            return static_cast<std::size_t>(status.st_blocks) * 512;
          };
          const mp::Lock warm_up;
          const std::size_t head = blocks() - mp::arena_usage().committed;
          const auto large = chars.allocate(50 * MiB);
          demand(blocks() - mp::arena_usage().committed == head, "with a large block");
          chars.deallocate(large, 50 * MiB);
          demand(blocks() - mp::arena_usage().committed == head, "and without");
          demand(mp::arena_usage().committed < 20 * MiB, "which gave its pages back");
        }) == 0);
}
