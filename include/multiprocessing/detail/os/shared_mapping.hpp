// SPDX-License-Identifier: BSL-1.0
/// \file
/// A sealed memfd mapped sparsely: address space first, memory when it is asked for, never a SIGBUS.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>
#include <multiprocessing/detail/os/fd.hpp>

#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace multiprocessing::detail {

inline constexpr std::size_t page_bytes = 4096;  // fixed: it shapes shared memory; a larger kernel page only commits more

/// An anonymous file of `bytes` that can neither shrink nor grow: no name to leak, not bound by the size of /dev/shm.
inline Fd make_sealed_memfd(const char* name, std::size_t bytes) {
  const std::string what = std::string("memfd_create of ") + std::to_string(bytes) + " bytes for the arena";
  check_file_size(bytes, what);
  Fd file;
  {
    constexpr unsigned not_executable = 8;  // MFD_NOEXEC_SEAL, which a system may demand; kernels before 6.3 refuse it
    int fd = ::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | not_executable);
    if (fd == -1 && errno == EINVAL) fd = ::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd == -1) throw_os_error(errno, what);
    file = Fd(fd);
  }
  if (::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) throw_os_error(errno, what + ", ftruncate");
  checked("fcntl(F_ADD_SEALS) of the arena", [&] {
    return ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  });
  return file;
}

/// Maps all of `file`, without touching it, at an address that is a multiple of `alignment`, behind `before` bytes of
/// private memory that fork copies. Returns the first shared byte, or nullptr where there is not so much address space.
/// It is never unmapped: a mapping that holds robust mutexes must stay as long as the process.
inline std::byte* map_sparsely(const Fd& file, std::size_t bytes, std::size_t before, std::size_t alignment) {
  void* reserved = ::mmap(nullptr, bytes + before + alignment, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return nullptr;
  const auto start = reinterpret_cast<std::uintptr_t>(reserved);
  const auto base = (start + before + alignment - 1) / alignment * alignment;
  void* const shared = ::mmap(reinterpret_cast<void*>(base), bytes, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_NORESERVE | MAP_FIXED, file.get(), 0);
  void* const own = ::mmap(reinterpret_cast<void*>(base - before), before, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (shared == MAP_FAILED || own == MAP_FAILED) {
    ::munmap(reserved, bytes + before + alignment);
    return nullptr;
  }
  if (base - before > start) ::munmap(reserved, base - before - start);
  const auto end = start + bytes + before + alignment;
  if (end > base + bytes) ::munmap(reinterpret_cast<void*>(base + bytes), end - base - bytes);
  ::madvise(shared, bytes, MADV_DONTDUMP);  // a core of 64 GiB helps nobody; failing is harmless
  return static_cast<std::byte*>(shared);
}

/// Unmaps a mapping at the end of a scope; none when `bytes` is 0 by then.
struct UnmapGuard {
  std::byte* at;
  std::size_t bytes;

  UnmapGuard(std::byte* first, std::size_t size) noexcept : at(first), bytes(size) {}
  UnmapGuard(const UnmapGuard&) = delete;
  UnmapGuard& operator=(const UnmapGuard&) = delete;
  ~UnmapGuard() {
    if (bytes != 0) ::munmap(at, bytes);
  }
};

/// Makes the page at `page` read as zero in every child of a fork, however it is made. Returns whether the kernel can.
inline bool wipe_on_fork(void* page) noexcept { return ::madvise(page, page_bytes, MADV_WIPEONFORK) == 0; }

/// Gives [at, at + bytes) its memory, so that touching it cannot fail. Returns 0 or the reason as an errno. Repeatable.
///
/// By madvise and not by fallocate on the descriptor: a program that closes all its descriptors (as daemons do) and
/// opens files of its own would have those files extended, or punched, in the arena's stead.
inline int commit_memory(std::byte* at, std::size_t bytes) noexcept {
  constexpr int populate_write = 23;  // MADV_POPULATE_WRITE, for headers older than 5.14
  constexpr std::size_t step = std::size_t{16} << 20;  // a signal then repeats this much at the most
  while (bytes > 0) {
    const std::size_t now = bytes < step ? bytes : step;
    if (::madvise(at, now, populate_write) != 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      if (errno == EINVAL) return 0;  // before Linux 5.14: memory comes at the first touch
      return errno == EFAULT ? ENOMEM : errno;  // EFAULT: the page could not be had
    }
    at += now;
    bytes -= now;
  }
  return 0;
}

/// Returns the memory of [at, at + bytes) to the system; it reads as zero from then on.
inline void give_memory_back(std::byte* at, std::size_t bytes) noexcept {
  ::madvise(at, bytes, MADV_REMOVE);  // failing only keeps the memory
}

/// Where this process maps files whose name starts with `prefix`; empty without /proc.
template <class Visit>
void for_each_mapping_of(const std::string& prefix, Visit visit) {
  const Fd maps(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
  if (!maps) return;
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = ::read(maps.get(), buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(got));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.find(prefix) != std::string::npos) visit(std::stoull(line, nullptr, 16));
  }
}

}  // namespace multiprocessing::detail
