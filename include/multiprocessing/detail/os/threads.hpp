// SPDX-License-Identifier: BSL-1.0
/// \file
/// How many threads this process has, and how many processors the machine has.
#pragma once

#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>

namespace multiprocessing::detail {

/// The number of threads of this process now; 1 where /proc is missing. Free while no thread was ever started, else one
/// system call.
inline std::size_t thread_count() noexcept {
  if (__libc_single_threaded) return 1;
  struct stat task {};
  // The kernel counts each thread's folder as a link, so that none has to be listed.
  if (::stat("/proc/self/task", &task) != 0 || task.st_nlink < 3) return 1;
  return static_cast<std::size_t>(task.st_nlink) - 2;
}

/// The number of processors that are online; 0 if unknown.
inline int online_cpus() noexcept {
  const long count = ::sysconf(_SC_NPROCESSORS_ONLN);
  return count < 1 ? 0 : static_cast<int>(count);
}

}  // namespace multiprocessing::detail
