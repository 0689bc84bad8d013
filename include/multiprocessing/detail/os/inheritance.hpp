// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a process that was started anew by its parent finds: under which descriptors, and how it knows.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>
#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/shared_mapping.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace multiprocessing::detail {

/// The second argument of a process that a start method has started, as in Python; the third is the number of its
/// descriptors.
inline constexpr char spawn_marker[] = "--multiprocessing-fork";

/// Where its descriptors are. Those that came with the arguments follow.
inline constexpr int parcel_fd = 3, arena_fd = 4, lifeline_fd = 5, first_passenger_fd = 6;

/// Whether this program was started by a start method; asked where main's arguments are not at hand.
inline bool has_spawn_marker() noexcept {
  const Fd file(::open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC));
  if (!file) return false;
  char text[4096 + sizeof spawn_marker + 1];  // a path, and the marker
  std::size_t size = 0;
  for (ssize_t got; size < sizeof text && (got = ::read(file.get(), text + size, sizeof text - size)) > 0;)
    size += static_cast<std::size_t>(got);
  const auto* const end = static_cast<const char*>(std::memchr(text, '\0', size));
  if (end == nullptr) return false;
  const std::string_view rest(end + 1, size - static_cast<std::size_t>(end + 1 - text));
  return rest.starts_with(std::string_view(spawn_marker, sizeof spawn_marker));
}

/// The memfd called `name` that this process was given as its parent's arena; empty in processes that were given none.
inline Fd inherited_arena(std::string_view name) {
  if (!has_spawn_marker()) return Fd();
  char target[64];
  const ssize_t size = ::readlink("/proc/self/fd/4", target, sizeof target);  // arena_fd
  if (size <= 0 || !std::string_view(target, static_cast<std::size_t>(size)).starts_with("/memfd:" + std::string(name)))
    return Fd();
  // A descriptor of its own: the number may be closed, or taken, by whoever takes over.
  return Fd(checked("fcntl(F_DUPFD_CLOEXEC) of the arena", [] { return ::fcntl(arena_fd, F_DUPFD_CLOEXEC, first_passenger_fd); }));
}

/// Owns a descriptor that was inherited, and passes it on to no program. Throws OSError when there is none.
inline Fd close_on_exec(int fd) {
  checked("fcntl(F_SETFD) of an inherited descriptor (let nothing close descriptors before mp::freeze_support())", [&] { return ::fcntl(fd, F_SETFD, FD_CLOEXEC); });
  return Fd(fd);
}

inline constexpr char main_mark[] = "multiprocessing-main";

/// Notes in this process that its main() takes over when it is started anew; for every copy of the library that is or will be
/// loaded, and for its forks, but not for programs that it executes: a mapping, which is found by its name.
inline void mark_main() noexcept {
  const Fd file(::memfd_create(main_mark, MFD_CLOEXEC));
  // Failing, other copies than this one refuse to start processes.
  if (file) [[maybe_unused]] void* const kept = ::mmap(nullptr, 1, PROT_NONE, MAP_SHARED, file.get(), 0);
}

/// Whether any copy of the library has done so.
inline bool main_is_marked() {
  bool marked = false;
  for_each_mapping_of(std::string("/memfd:") + main_mark, [&](unsigned long long) { marked = true; });
  return marked;
}

inline std::size_t file_size(const Fd& file) {
  struct stat status {};
  checked("fstat", [&] { return ::fstat(file.get(), &status); });
  return static_cast<std::size_t>(status.st_size);
}

}  // namespace multiprocessing::detail
