// SPDX-License-Identifier: BSL-1.0
/// \file
/// The arena of this family of processes: made or found at first use, and where things lie in it.
#pragma once

#include <multiprocessing/detail/memory/arena_header.hpp>
#include <multiprocessing/detail/os/inheritance.hpp>
#include <multiprocessing/detail/os/kernel_test.hpp>
#include <multiprocessing/detail/os/lasting_fd.hpp>
#include <multiprocessing/detail/os/once.hpp>
#include <multiprocessing/detail/os/shared_mapping.hpp>
#include <multiprocessing/detail/os/thread_key.hpp>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

namespace multiprocessing::detail {

/// The page of this process alone. It reads zero in every child, whichever call made it: so the child knows that it is new.
struct ProcessPage {
  std::atomic<std::uint32_t> process;  // ProcessRef; 0 until this process has registered
  std::atomic<std::uint32_t> cpus;     // usable_cpus() when last asked; 0 until then
  std::atomic<std::uint32_t> forks_under_way;  // threads of this process that are inside fork()
  std::atomic<std::uint64_t> forks_before;     // the arena's count of forks when the first of them began
};

/// The page behind it, private too, which a child inherits.
struct InheritedPage {
  ThreadKey key;        // its value is the ThreadSlot of the calling thread
  ThreadLayout layout;  // of glibc's thread, for children of a bare clone
  LastingFd memfd;      // the arena's descriptor, unless the program has closed it; the page is never destroyed
};

inline constexpr std::size_t private_bytes = 2 * page_bytes;  // they lie right before the arena's first byte

/// An arena as this process maps it. All members are reckoned from the one address, so two copies of the library agree.
class ArenaMemory {
 public:
  constexpr ArenaMemory() = default;
  explicit ArenaMemory(std::byte* base) : base_(base) {}

  std::byte* base() const { return base_; }
  ArenaHeader& header() const { return *reinterpret_cast<ArenaHeader*>(base_); }
  ProcessPage& process_page() const { return *reinterpret_cast<ProcessPage*>(base_ - private_bytes); }
  InheritedPage& inherited_page() const { return *reinterpret_cast<InheritedPage*>(base_ - private_bytes + page_bytes); }

  ThreadSlot& thread(std::uint32_t slot) const {
    return reinterpret_cast<ThreadSlot*>(base_ + thread_slots_at)[slot];
  }
  ProcessSlot& process(std::uint32_t slot) const {
    return reinterpret_cast<ProcessSlot*>(base_ + process_slots_at)[slot];
  }
  ChunkEntry& chunk(std::uint32_t number) const {
    return reinterpret_cast<ChunkEntry*>(base_ + chunk_entries_at)[number];
  }
  std::byte* chunk_memory(std::uint32_t number) const { return base_ + std::size_t{number} * chunk_bytes; }

  std::uint64_t offset_of(const void* at) const {
    return static_cast<std::uint64_t>(static_cast<const std::byte*>(at) - base_);
  }
  /// Whether `at` lies in the heap.
  bool holds(const void* at) const {
    const auto offset = offset_of(at);
    return offset >= header().heap && offset < header().size;
  }

 private:
  std::byte* base_ = nullptr;
};

/// The arena's descriptor, for a process that is started anew. Throws RuntimeError once the program has closed it.
inline int descriptor_of(const ArenaMemory& arena) {
  if (const int fd = arena.inherited_page().memfd.get(); fd != -1) return fd;
  throw RuntimeError(
      "start: the descriptor of the shared memory, which a process that is started anew is to be given, is closed: let the program "
      "close only descriptors that it has opened itself, or use the start method 'fork'");
}

/// What the program asked for by set_arena_size(); 0 when it didn't. (In two copies of the library the first to use the
/// arena decides.)
inline constinit std::atomic<std::size_t> asked_arena_bytes{0};

inline constexpr std::size_t default_arena_bytes = std::size_t{64} << 30;  // address space, not memory
inline constexpr std::size_t smallest_default = std::size_t{16} << 20;     // halving stops here
inline constexpr std::size_t smallest_arena = std::size_t{1} << 20;
inline constexpr std::size_t largest_arena = std::size_t{16} << 40;
inline constexpr char arena_name[] = "multiprocessing-arena";

/// Reads a size: digits, then perhaps K, M, G or T (powers of 1024). Throws ValueError saying where it stood.
inline std::size_t parse_arena_bytes(const char* text, const std::string& where) {
  char* end = nullptr;
  errno = 0;
  const unsigned long long number = std::strtoull(text, &end, 10);
  std::size_t unit = 1;
  const bool digits = end != text && *text >= '0' && *text <= '9';  // a number beyond all bounds is read as the largest
  for (const char* letters = "KMGT"; digits && *letters != '\0'; ++letters) {
    unit *= 1024;
    if (*end == *letters || *end == *letters + ('a' - 'A')) {
      ++end;
      break;
    }
    if (letters[1] == '\0') unit = 1;
  }
  if (!digits || *end != '\0')
    throw ValueError(where + ": '" + text + "' is not a number of bytes; write for instance 1073741824 or 1G");
  if (number > largest_arena / unit)
    throw ValueError(where + ": an arena of " + text + " bytes; it may have from 1 MiB to 16 TiB");
  return static_cast<std::size_t>(number) * unit;
}

/// Throws ValueError unless an arena may be of this size.
inline std::size_t checked_arena_bytes(std::size_t bytes, const std::string& where) {
  if (bytes >= smallest_arena && bytes <= largest_arena) return bytes;
  throw ValueError(where + ": an arena of " + std::to_string(bytes) + " bytes; it may have from 1 MiB to 16 TiB");
}

namespace arena_creation {

inline std::byte* map_fresh(std::size_t heap_bytes, Fd& file) {
  const auto geometry = ArenaGeometry::for_heap(heap_bytes);
  if (const auto limit = soft_limit(RLIMIT_FSIZE); limit && *limit < geometry.bytes) return nullptr;
  file = make_sealed_memfd(arena_name, geometry.bytes);
  return map_sparsely(file, geometry.bytes, private_bytes, chunk_bytes);
}

[[noreturn]] inline void throw_no_room(std::size_t heap_bytes) {
  const std::size_t bytes = ArenaGeometry::for_heap(heap_bytes).bytes;
  const std::string what =
      "an arena of " + std::to_string(heap_bytes) + " bytes, " + std::to_string(bytes) +
      " with its tables; ask for another by mp::set_arena_size() or MULTIPROCESSING_ARENA_BYTES, or change the limit";
  check_file_size(bytes, "memfd_create for " + what);
  throw_os_error(ENOMEM, "mmap of " + what);
}

// The pages before the arena's first byte, which are this process's alone.
inline InheritedPage& make_private_pages(const ArenaMemory& arena, void (*at_thread_end)(void*)) {
  auto& own = *new (&arena.inherited_page()) InheritedPage{};
  own.key = make_thread_key(at_thread_end);
  own.layout = RobustList::layout_of_this_thread();
  static_assert(sizeof(ProcessPage) <= page_bytes && sizeof(InheritedPage) <= page_bytes);
  new (&arena.process_page()) ProcessPage{};
  if (!wipe_on_fork(&arena.process_page())) throw_os_error(errno, "madvise(MADV_WIPEONFORK), which needs Linux 4.14");
  return own;
}

inline ArenaMemory make(void (*at_thread_end)(void*)) {
  test_kernel_and_libc();
  const char* from_environment = std::getenv("MULTIPROCESSING_ARENA_BYTES");
  std::size_t asked = asked_arena_bytes.load(std::memory_order_relaxed);
  if (asked == 0 && from_environment != nullptr) {
    const std::string where = "MULTIPROCESSING_ARENA_BYTES";
    asked = checked_arena_bytes(parse_arena_bytes(from_environment, where), where);
  }
  Fd file;
  std::size_t heap_bytes = asked != 0 ? asked : default_arena_bytes;
  std::byte* base = map_fresh(heap_bytes, file);
  // The default is only address space: where there is less of it (a limit, valgrind, a sanitizer) less will do.
  while (base == nullptr && asked == 0 && heap_bytes > smallest_default) base = map_fresh(heap_bytes /= 2, file);
  if (base == nullptr) throw_no_room(heap_bytes);

  const ArenaMemory arena(base);
  const auto geometry = ArenaGeometry::for_heap(heap_bytes);
  UnmapGuard unless_ready{base - private_bytes, private_bytes + geometry.bytes};  // nothing in it is in use yet
  if (const int error = commit_memory(base, header_room); error != 0) throw_os_error(error, "first page of the arena");
  auto& own = make_private_pages(arena, at_thread_end);

  auto& header = *new (base) ArenaHeader{};
  header.magic = ArenaHeader::magic_value;
  header.version = ArenaHeader::current_version;
  header.layout = layout_hash();
  header.size = geometry.bytes;
  header.heap = geometry.heap_at;
  header.family = random_number();
  header.registry.init();
  header.chunks.init();
  header.top.store(static_cast<std::uint32_t>(geometry.heap_at / chunk_bytes), std::memory_order_relaxed);
  header.ready.store(1, std::memory_order_release);  // all of the above is seen by whoever reads 1
  own.memfd = LastingFd(std::move(file));
  unless_ready.bytes = 0;
  return arena;
}

inline void check_version(const ArenaHeader& header) {
  if (header.version == ArenaHeader::current_version && header.layout == layout_hash()) return;
  throw VersionMismatch("the arena of this process has layout version " + std::to_string(header.version) + ", hash " +
                        std::to_string(header.layout) + "; this code has " + std::to_string(ArenaHeader::current_version) +
                        ", " + std::to_string(layout_hash()) +
                        ": build all parts of the program against one version of the library");
}

/// The arena that this process was given when it was started anew by a process that has one, mapped where there is room:
/// nothing in it depends on its address. None in any other process.
inline ArenaMemory attach(void (*at_thread_end)(void*)) {
  Fd file = inherited_arena(arena_name);
  if (!file) return ArenaMemory();
  const std::size_t bytes = file_size(file);  // kernel and libc were tested by who made it
  if (bytes < header_room) throw CorruptArena("the arena that this process was given has " + std::to_string(bytes) + " bytes");
  std::byte* const base = map_sparsely(file, bytes, private_bytes, chunk_bytes);
  if (base == nullptr) throw_os_error(ENOMEM, "mmap of the arena of the parent, " + std::to_string(bytes) + " bytes");
  const ArenaMemory arena(base);
  UnmapGuard unless_ready{base - private_bytes, private_bytes + bytes};
  const ArenaHeader& header = arena.header();
  if (header.magic != ArenaHeader::magic_value || header.size != bytes)
    throw CorruptArena("what this process was given as the arena of its parent is none");
  check_version(header);
  make_private_pages(arena, at_thread_end).memfd = LastingFd(std::move(file));
  unless_ready.bytes = 0;
  return arena;
}

/// The arena that another copy of the library has made in this process, or that a parent has left to it.
inline ArenaMemory find() {
  ArenaMemory found;
  for_each_mapping_of(std::string("/memfd:") + arena_name, [&](unsigned long long address) {
    auto* const base = reinterpret_cast<std::byte*>(address);
    const auto& header = *reinterpret_cast<const ArenaHeader*>(base);
    if (found.base() != nullptr || header.magic != ArenaHeader::magic_value) return;  // a later page, or one given up early
    check_version(header);  // before `ready`, which another version may have elsewhere: then two arenas would be made
    if (header.ready.load(std::memory_order_acquire) == 1) found = ArenaMemory(base);
  });
  return found;
}

}  // namespace arena_creation

}  // namespace multiprocessing::detail
