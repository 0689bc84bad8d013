// SPDX-License-Identifier: BSL-1.0
/// \file
/// What /proc knows: whether a process sleeps in the kernel, and what the own one has left open.
#pragma once

#include "clock.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace kill_test {

/// System calls that a process may sleep in.
using Syscalls = std::vector<long>;

inline Syscalls futex_calls() { return {SYS_futex, SYS_futex_waitv}; }

/// The first bytes of /proc/PID/NAME; empty when the process is gone.
inline std::string read_proc(pid_t pid, const char* name) {
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d/%s", static_cast<int>(pid), name);
  const int fd = ::open(path.data(), O_RDONLY | O_CLOEXEC);
  if (fd == -1) return {};
  std::array<char, 512> text{};
  const ssize_t size = ::read(fd, text.data(), text.size());
  ::close(fd);
  return size > 0 ? std::string(text.data(), static_cast<std::size_t>(size)) : std::string();
}

/// R, S, T, t, Z and so on; 0 when the process is gone.
inline char process_state(pid_t pid) {
  const std::string stat = read_proc(pid, "stat");
  const std::size_t name_end = stat.rfind(')');
  return name_end == std::string::npos || name_end + 2 >= stat.size() ? '\0' : stat[name_end + 2];
}

/// How long the main thread of the process was ready to run and got no processor, since it began.
inline Nanoseconds starved(pid_t pid) {
  long long delay = 0;
  return std::sscanf(read_proc(pid, "schedstat").c_str(), "%*d %lld", &delay) == 1 ? delay : 0;
}

/// Whether the process sleeps, off the processor, in one of `calls` (the number is shown only when it is off it).
inline bool asleep(pid_t pid, const Syscalls& calls) {
  const std::string call = read_proc(pid, "syscall");
  char* end = nullptr;
  const long number = std::strtol(call.c_str(), &end, 10);
  if (end == call.c_str() || std::find(calls.begin(), calls.end(), number) == calls.end()) return false;
  return process_state(pid) == 'S';
}

/// Whether `condition` came true within `timeout`.
template <class Condition>
bool poll_until(Nanoseconds timeout, Condition condition) {
  const Nanoseconds deadline = now() + timeout;
  for (int round = 0; !condition(); ++round) {
    if (now() > deadline) return false;
    if (round < 4) {
      ::sched_yield();
    } else {
      nap(20 * microsecond);
    }
  }
  return true;
}

inline int open_descriptors() {
  DIR* directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return -1;
  int count = 0;
  while (::readdir(directory) != nullptr) ++count;
  ::closedir(directory);
  return count;
}

/// Whether this process has a child, running or not yet reaped.
inline bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

}  // namespace kill_test
