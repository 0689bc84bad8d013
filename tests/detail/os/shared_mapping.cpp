// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/shared_mapping.hpp>

#include "support/catch.hpp"
#include "support/outside.hpp"

#include <fstream>
#include <sstream>

using namespace multiprocessing::detail;

namespace {

constexpr std::size_t MiB = 1 << 20;

std::size_t committed(const Fd& file) {
  struct stat status {};
  ::fstat(file.get(), &status);
  return static_cast<std::size_t>(status.st_blocks) * 512;
}

/// The VmFlags of the mapping that starts at `at`.
std::string flags_of(const void* at) {
  std::ifstream smaps("/proc/self/smaps");
  std::ostringstream start;
  start << std::hex << reinterpret_cast<std::uintptr_t>(at) << '-';
  bool found = false;
  for (std::string line; std::getline(smaps, line);) {
    if (line.starts_with(start.str())) found = true;
    if (found && line.starts_with("VmFlags:")) return line + ' ';
  }
  return {};
}

/// A mapping of `bytes` that a test unmaps when it is done, as the arena never is.
struct Mapped {
  explicit Mapped(std::size_t size, std::size_t room_before = page_bytes)
      : bytes(size),
        before(room_before),
        file(make_sealed_memfd("test", size)),
        at(map_sparsely(file, size, before, 64 << 10)) {}
  ~Mapped() {
    if (at != nullptr) ::munmap(at - before, bytes + before);
  }
  std::size_t bytes, before;
  Fd file;
  std::byte* at;
};

}  // namespace

TEST_CASE("make_sealed_memfd: nobody can shrink it, grow it or unseal it", "[detail][shared_mapping]") {
  const Fd file = make_sealed_memfd("test", MiB);
  CHECK(::ftruncate(file.get(), MiB / 2) == -1);
  CHECK(errno == EPERM);
  CHECK(::ftruncate(file.get(), MiB * 2) == -1);
  CHECK(errno == EPERM);
  CHECK(::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE) == -1);
  CHECK((::fcntl(file.get(), F_GET_SEALS) & (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) ==
        (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
  CHECK((::fcntl(file.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("make_sealed_memfd: works where the kernel knows no MFD_NOEXEC_SEAL, and where it demands it",
          "[detail][shared_mapping]") {
  CHECK(static_cast<bool>(make_sealed_memfd("test", page_bytes)));
}

TEST_CASE("make_sealed_memfd: without descriptors it names the limit", "[detail][shared_mapping]") {
  CHECK(in_child([] {
          limit(RLIMIT_NOFILE, 0);
          demand_throws<multiprocessing::OSError>([] { make_sealed_memfd("test", MiB); }, "RLIMIT_NOFILE is 0");
        }) == 0);
}

TEST_CASE("make_sealed_memfd: one beyond the limit of file sizes is an error that names it, never a signal",
          "[detail][shared_mapping]") {
  CHECK(in_child([] {
          limit(RLIMIT_FSIZE, MiB - 1);
          demand_throws<multiprocessing::OSError>([] { make_sealed_memfd("test", MiB); }, "RLIMIT_FSIZE is 1048575");
        }) == 0);
}

TEST_CASE("map_sparsely: takes address space at once and memory only when asked", "[detail][shared_mapping]") {
  Mapped mapped(256 * MiB, 2 * page_bytes);
  REQUIRE(mapped.at != nullptr);
  CHECK(reinterpret_cast<std::uintptr_t>(mapped.at) % (64 << 10) == 0);
  CHECK(committed(mapped.file) == 0);
  REQUIRE(commit_memory(mapped.at + 32 * MiB, MiB) == 0);
  CHECK(committed(mapped.file) == MiB);
  REQUIRE(commit_memory(mapped.at + 32 * MiB, MiB) == 0);
  CHECK(committed(mapped.file) == MiB);
  give_memory_back(mapped.at + 32 * MiB, MiB);
  CHECK(committed(mapped.file) == 0);
}

TEST_CASE("map_sparsely: the room before it is writable, and private", "[detail][shared_mapping]") {
  Mapped mapped(MiB, 2 * page_bytes);
  REQUIRE(mapped.at != nullptr);
  mapped.at[0] = mapped.at[-1] = std::byte{1};
  CHECK(in_child([&] { mapped.at[0] = mapped.at[-1] = std::byte{2}; }) == 0);
  CHECK(mapped.at[0] == std::byte{2});
  CHECK(mapped.at[-1] == std::byte{1});
}

TEST_CASE("map_sparsely: stays out of core dumps", "[detail][shared_mapping]") {
  Mapped mapped(MiB);
  REQUIRE(mapped.at != nullptr);
  CHECK_THAT(flags_of(mapped.at), contains(" dd "));
}

TEST_CASE("map_sparsely: returns nothing where there is no address space, and leaves nothing",
          "[detail][shared_mapping]") {
  CHECK(in_child([] {
          limit(RLIMIT_AS, rlim_t{1} << 32);
          const Fd file = make_sealed_memfd("test", std::size_t{1} << 36);
          demand(map_sparsely(file, std::size_t{1} << 36, page_bytes, page_bytes) == nullptr, "no room");
        }) == 0);
}

TEST_CASE("commit_memory: what was given back reads as zero", "[detail][shared_mapping]") {
  Mapped mapped(MiB);
  REQUIRE(commit_memory(mapped.at, MiB) == 0);
  mapped.at[5000] = std::byte{9};
  give_memory_back(mapped.at, MiB);
  REQUIRE(commit_memory(mapped.at, MiB) == 0);
  CHECK(mapped.at[5000] == std::byte{0});
}

TEST_CASE("commit_memory: needs no descriptor, nor minds the limit of file sizes", "[detail][shared_mapping]") {
  Mapped mapped(4 * MiB);
  CHECK(in_child([&] {
          ::close_range(3, ~0u, 0);
          limit(RLIMIT_FSIZE, 1);
          demand(commit_memory(mapped.at, 4 * MiB) == 0, "memory is had");
          mapped.at[4 * MiB - 1] = std::byte{3};
        }) == 0);
  CHECK(mapped.at[4 * MiB - 1] == std::byte{3});
}

TEST_CASE("commit_memory: a mapping that can't have memory is an error, never a signal", "[detail][shared_mapping]") {
  Mapped mapped(MiB);
  CHECK(in_child([&] {
          const Fd unsealed(::memfd_create("test", MFD_CLOEXEC));
          demand(::ftruncate(unsealed.get(), 2 * page_bytes) == 0, "a file of two pages");
          auto* at = map_sparsely(unsealed, 8 * page_bytes, page_bytes, page_bytes);
          demand(commit_memory(at, 2 * page_bytes) == 0, "its two pages can be had");
          demand(commit_memory(at, 8 * page_bytes) != 0, "what lies beyond can't");
        }) == 0);
}

TEST_CASE("wipe_on_fork: the page reads zero in a child of any kind", "[detail][shared_mapping]") {
  Mapped mapped(page_bytes, page_bytes);
  std::byte* const page = mapped.at - page_bytes;
  REQUIRE(wipe_on_fork(page));
  page[7] = std::byte{7};
  CHECK(in_child([&] { return page[7] == std::byte{0}; }) == 0);
  CHECK(exit_status(start_by_underscore_fork([&] { demand(page[7] == std::byte{0}, "_Fork"); })) == 0);
  CHECK(exit_status(start_by_clone([&] { demand(page[7] == std::byte{0}, "clone"); })) == 0);
  CHECK(page[7] == std::byte{7});
}

TEST_CASE("for_each_mapping_of: finds mappings by the name of their file", "[detail][shared_mapping]") {
  const Fd file = make_sealed_memfd("a-name-of-its-own", MiB);
  std::byte* const at = map_sparsely(file, MiB, page_bytes, page_bytes);
  std::vector<unsigned long long> found;
  for_each_mapping_of("/memfd:a-name-of-its-own", [&](unsigned long long address) { found.push_back(address); });
  CHECK(found == std::vector<unsigned long long>{reinterpret_cast<std::uintptr_t>(at)});
  ::munmap(at - page_bytes, MiB + page_bytes);
}

TEST_CASE("UnmapGuard: unmaps unless told otherwise", "[detail][shared_mapping]") {
  void* at = ::mmap(nullptr, page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  {
    UnmapGuard guard(static_cast<std::byte*>(at), page_bytes);
    guard.bytes = 0;
  }
  CHECK(::msync(at, page_bytes, MS_ASYNC) == 0);
  { const UnmapGuard guard(static_cast<std::byte*>(at), page_bytes); }
  CHECK(::msync(at, page_bytes, MS_ASYNC) == -1);
}
