// SPDX-License-Identifier: BSL-1.0
/// \file
/// What has to happen once in a process even if two copies of the library are loaded into it.
#pragma once

#include <sys/random.h>

#include <cstdint>
#include <cstdio>
#include <ctime>

namespace multiprocessing::detail {

/// Held by one thread of the process at a time, whichever copy of the library it runs in. Not for hot paths.
///
/// Two shared objects with hidden visibility have nothing of ours in common, but one C library: its lock on stderr serves
/// them all, is recursive, and is made whole in children by fork.
class ProcessWideGuard {
 public:
  ProcessWideGuard() { ::flockfile(stderr); }
  ProcessWideGuard(const ProcessWideGuard&) = delete;
  ProcessWideGuard& operator=(const ProcessWideGuard&) = delete;
  ~ProcessWideGuard() { ::funlockfile(stderr); }
};

/// A number that nobody else has drawn.
inline std::uint64_t random_number() noexcept {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number))
    number = static_cast<std::uint64_t>(::time(nullptr)) << 32 | static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&number));
  return number;
}

}  // namespace multiprocessing::detail
