// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/memory/arena_memory.hpp>

#include "support/catch.hpp"
#include "support/outside.hpp"
#include "support/sanitizer.hpp"

#include <multiprocessing/detail/memory/identity.hpp>

#include <cstring>
#include <vector>

// No test here uses an arena in this process itself: each child finds none, and makes its own.

using namespace multiprocessing::detail;
namespace mp = multiprocessing;

namespace {

constexpr std::size_t MiB = 1 << 20;

/// A mapping that looks like the arena of other code.
std::byte* map_foreign_arena(std::uint32_t version, std::uint64_t layout, std::uint32_t ready) {
  const Fd file = make_sealed_memfd(arena_name, MiB);
  std::byte* const at = map_sparsely(file, MiB, private_bytes, chunk_bytes);
  auto& header = *new (at) ArenaHeader{};
  header.magic = ArenaHeader::magic_value;
  header.version = version;
  header.layout = layout;
  header.size = MiB;
  header.ready = ready;
  return at;
}

}  // namespace

TEST_CASE("parse_arena_bytes: digits, and a letter for powers of 1024", "[detail][arena_memory]") {
  CHECK(parse_arena_bytes("0", "here") == 0);
  CHECK(parse_arena_bytes("1048576", "here") == 1048576);
  CHECK(parse_arena_bytes("16T", "here") == std::size_t{16} << 40);
  CHECK(parse_arena_bytes("3g", "here") == std::size_t{3} << 30);
  CHECK(parse_arena_bytes("5M", "here") == 5 * MiB);
  CHECK(parse_arena_bytes("70k", "here") == 70 * 1024);
}

TEST_CASE("parse_arena_bytes: says where it stood and what it should be", "[detail][arena_memory]") {
  for (const char* text : {"", " 1", "-1", "+1", "1.5G", "0x10", "1KB", "G", "1 G", "one"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_arena_bytes(text, "here"), mp::ValueError);
    CHECK_THROWS_WITH(parse_arena_bytes(text, "here"), contains("here: '" + std::string(text) + "'") && contains("1G"));
  }
  for (const char* text : {"17T", "18446744073709551616", "99999999999999999999G"}) {
    CAPTURE(text);
    CHECK_THROWS_WITH(parse_arena_bytes(text, "here"), contains(text) && contains("16 TiB"));
  }
}

TEST_CASE("checked_arena_bytes: from 1 MiB to 16 TiB", "[detail][arena_memory]") {
  CHECK(checked_arena_bytes(MiB, "here") == MiB);
  CHECK(checked_arena_bytes(std::size_t{16} << 40, "here") == std::size_t{16} << 40);
  CHECK_THROWS_AS(checked_arena_bytes(MiB - 1, "here"), mp::ValueError);
  CHECK_THROWS_WITH(checked_arena_bytes((std::size_t{16} << 40) + 1, "here"),
                    contains("here") && contains("1 MiB to 16 TiB"));
}

TEST_CASE("ArenaGeometry: the entry table reaches to the last chunk and ends before the heap",
          "[detail][arena_memory]") {
  for (const std::size_t bytes :
       {MiB, 3 * MiB + 1, std::size_t{1} << 30, std::size_t{64} << 30, std::size_t{16} << 40}) {
    CAPTURE(bytes);
    const auto geometry = ArenaGeometry::for_heap(bytes);
    CHECK(geometry.heap_at % chunk_bytes == 0);
    CHECK(geometry.bytes - geometry.heap_at >= bytes);
    CHECK(geometry.bytes - geometry.heap_at < bytes + chunk_bytes);
    CHECK(chunk_entries_at + (geometry.bytes / chunk_bytes) * sizeof(ChunkEntry) <= geometry.heap_at);
  }
}

TEST_CASE("the arena: is sealed, not dumped, and costs no memory until used", "[detail][arena_memory]") {
  CHECK(in_child([] {
          const ArenaMemory arena = the_arena();
          const int fd = arena.inherited_page().memfd.get();
          const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
          demand((::fcntl(fd, F_GET_SEALS) & seals) == seals, "the seals are there");
          demand(::ftruncate(fd, 0) == -1 && errno == EPERM, "it can't be cut");
          struct stat status {};
          ::fstat(fd, &status);
          demand(static_cast<std::uint64_t>(status.st_size) == arena.header().size,
                 "it has the size that its header says");
          demand(status.st_blocks * 512 <= 64 << 10, "it holds no more than its head");

          std::ifstream smaps("/proc/self/smaps");
          std::string flags;
          for (std::string line; std::getline(smaps, line) && flags.empty();) {
            if (line.find(arena_name) == std::string::npos) continue;
            while (std::getline(smaps, line) && !line.starts_with("VmFlags:")) {
            }
            flags = line + ' ';
          }
          demand(flags.find(" dd ") != std::string::npos, "it is not dumped: " + flags);
        }) == 0);
}

TEST_CASE("the arena: is found again by another copy of the library, and not made twice", "[detail][arena_memory]") {
  CHECK(in_child([] {
          demand(arena_creation::find().base() == nullptr, "there is none yet");
          const ArenaMemory arena = the_arena();
          demand(arena_creation::find().base() == arena.base(), "a copy finds it");
          demand(in_child([&] { return arena_creation::find().base() == arena.base(); }) == 0, "in a child too");
        }) == 0);
}

TEST_CASE("the arena: another version is refused, and nothing is written to it", "[detail][arena_memory]") {
  const bool other_version = GENERATE(true, false);
  // Whether `ready` lies where another version has it is not known.
  const std::uint32_t ready = GENERATE(0u, 1u);
  CAPTURE(other_version, ready);
  CHECK(in_child([&] {
          const std::uint32_t version = ArenaHeader::current_version + (other_version ? 1 : 0);
          std::byte* const at = map_foreign_arena(version, other_version ? layout_hash() : layout_hash() + 1, ready);
          const std::vector<std::byte> before(at, at + header_room);
          demand_throws<mp::VersionMismatch>([] { the_arena(); }, "layout version " + std::to_string(version));
          demand_throws<mp::VersionMismatch>([] { the_arena(); }, "one version of the library");
          demand(std::equal(before.begin(), before.end(), at), "nothing was written");
        }) == 0);
}

TEST_CASE("the arena: one that was never finished is passed over, and so is a file by chance of its name",
          "[detail][arena_memory]") {
  CHECK(in_child([] {
          std::byte* const unfinished = map_foreign_arena(ArenaHeader::current_version, layout_hash(), 0);
          const Fd file = make_sealed_memfd(arena_name, MiB);
          std::byte* const empty = map_sparsely(file, MiB, private_bytes, chunk_bytes);
          std::byte* const made = the_arena().base();
          return made != unfinished && made != empty && the_arena().header().ready == 1;
        }) == 0);
}

TEST_CASE("the arena: what can't be made leaves nothing behind, and can be made later", "[detail][arena_memory]") {
  CHECK(in_child([] {
          rlimit before{};
          ::getrlimit(RLIMIT_NOFILE, &before);
          limit(RLIMIT_NOFILE, 3);
          demand_throws<mp::OSError>([] { the_arena(); }, "RLIMIT_NOFILE");
          ::setrlimit(RLIMIT_NOFILE, &before);
          int mappings = 0;
          for_each_mapping_of(arena_name, [&](unsigned long long) { ++mappings; });
          demand(mappings == 0, "no mapping is left");
          the_arena();
        }) == 0);
}

TEST_CASE("the arena: the default is halved until it fits the address space", "[detail][arena_memory]") {
  if (sanitizer_needs_address_space) return;
  CHECK(in_child([] {
          limit(RLIMIT_AS, rlim_t{1} << 30);
          const auto heap = the_arena().header().size - the_arena().header().heap;
          demand(heap == 512 * MiB,
                 "half of what the limit allows, as the rest of the process needs some: " + std::to_string(heap));
        }) == 0);
}

TEST_CASE("the arena: the default is halved until it fits the limit of file sizes, without a signal",
          "[detail][arena_memory]") {
  CHECK(in_child([] {
          limit(RLIMIT_FSIZE, rlim_t{100} << 20);
          demand(the_arena().header().size - the_arena().header().heap == 64 * MiB,
                 "64 MiB and the tables are less than 100");
        }) == 0);
}

TEST_CASE("the arena: where a size was asked for, no other is made, and the limit is named", "[detail][arena_memory]") {
  CHECK(in_child([] {
          asked_arena_bytes = std::size_t{1} << 30;
          limit(RLIMIT_FSIZE, rlim_t{100} << 20);
          demand_throws<mp::OSError>([] { the_arena(); }, "RLIMIT_FSIZE is 104857600");
        }) == 0);
  if (sanitizer_needs_address_space) return;
  CHECK(in_child([] {
          asked_arena_bytes = std::size_t{16} << 30;
          limit(RLIMIT_FSIZE, rlim_t{1} << 40);
          limit(RLIMIT_AS, rlim_t{1} << 30);
          demand_throws<mp::OSError>([] { the_arena(); }, "RLIMIT_AS is 1073741824");
        }) == 0);
}

TEST_CASE("the arena: where the limit of file sizes is below the least, it is named, and no signal kills",
          "[detail][arena_memory]") {
  const rlim_t least = GENERATE(rlim_t{0}, rlim_t{1} << 20, rlim_t{16} << 20);
  CAPTURE(least);
  CHECK(in_child([&] {
          limit(RLIMIT_FSIZE, least);
          const std::string named = "RLIMIT_FSIZE is " + std::to_string(least) + ", ";
          demand_throws<mp::OSError>([] { the_arena(); }, named);
          demand_throws<mp::OSError>([] { the_arena(); }, "memfd_create for an arena of 16777216 bytes");
          demand_throws<mp::OSError>([] { the_arena(); }, "mp::set_arena_size()");
        }) == 0);
}

TEST_CASE("the arena: many threads that use it first make one", "[detail][arena_memory]") {
  CHECK(in_child([] {
          std::vector<std::byte*> found(8);
          std::vector<std::thread> threads;
          for (auto& each : found) threads.emplace_back([&each] { each = the_arena().base(); });
          for (auto& thread : threads) thread.join();
          for (auto* each : found) demand(each == found[0], "one arena");
        }) == 0);
}
