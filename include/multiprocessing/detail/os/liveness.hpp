// SPDX-License-Identifier: BSL-1.0
/// \file
/// Whether a process is gone for good, judged so that a reused id never misleads.
#pragma once

#include <multiprocessing/detail/os/fd.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace multiprocessing::detail {

inline std::int32_t this_process_id() noexcept { return static_cast<std::int32_t>(::getpid()); }
inline std::int32_t parent_process_id() noexcept { return static_cast<std::int32_t>(::getppid()); }

/// Now, in nanoseconds on the clock in which the kernel states when a process started.
inline std::uint64_t boot_time() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

/// When process `pid` started, in nanoseconds on boot_time()'s clock, rounded down to the kernel's tick; 0 if unknown.
inline std::uint64_t start_time(std::int32_t pid) noexcept {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(pid));
  const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  if (!file) return 0;
  char text[1024];
  const ssize_t size = ::read(file.get(), text, sizeof text - 1);
  if (size <= 0) return 0;
  text[size] = '\0';
  const char* at = std::strrchr(text, ')');  // the name may hold spaces and parentheses itself
  for (int field = 2; at != nullptr && field < 22; ++field) at = std::strchr(at + 1, ' ');
  if (at == nullptr) return 0;
  const auto ticks = std::strtoull(at + 1, nullptr, 10);
  return ticks * (1'000'000'000u / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)));
}

/// Whether the process that had the id `pid` at the moment `seen` (of boot_time()) has ended and left its memory.
/// Costs two system calls or more: asked only when its memory is to be taken back.
inline bool process_is_gone(std::int32_t pid, std::uint64_t seen) noexcept {
  const long fd = ::syscall(SYS_pidfd_open, pid, 0);
  if (fd == -1) {
    // Where the call is missing or refused, an unreaped child passes for alive until it is waited for.
    if (errno == ENOSYS || errno == EPERM) return ::kill(pid, 0) == -1 && errno == ESRCH;
    // EINVAL or ENOENT: the id is a thread's of another process by now. Else: descriptors are short, for instance.
    return errno == ESRCH || errno == EINVAL || errno == ENOENT;
  }
  const Fd handle(static_cast<int>(fd));
  pollfd poll_for{handle.get(), POLLIN, 0};
  if (::poll(&poll_for, 1, 0) == 1) return true;  // ended, though perhaps not yet waited for
  // Alive: is it the same one? The other can only have started after the first was seen; one tick for the rounding.
  const std::uint64_t started = start_time(pid);
  const std::uint64_t tick = 1'000'000'000u / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return started > seen + tick;
}

}  // namespace multiprocessing::detail
