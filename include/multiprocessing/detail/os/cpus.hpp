// SPDX-License-Identifier: BSL-1.0
/// \file
/// Which processors this thread may use, and the pause between two looks at a word.
#pragma once

#include <sched.h>

namespace multiprocessing::detail {

/// How many processors the calling thread may run on; at least 1.
inline int usable_cpus() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;  // more than 1024 processors: then spin never
  return CPU_COUNT(&set);
}

/// The processor that the calling thread ran on a moment ago.
inline int current_cpu() noexcept { return ::sched_getcpu(); }

/// Tells the processor that this is a wait loop. (The one place that names processors: no portable spelling exists.)
inline void cpu_pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");  // "yield" does nothing on most cores
#endif
}

}  // namespace multiprocessing::detail
