// SPDX-License-Identifier: BSL-1.0
/// \file
/// The limits that the system sets this process, and the sentence that names the one that an error speaks of.
#pragma once

#include <sys/resource.h>

#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>

namespace multiprocessing::detail {

/// RLIMIT_NOFILE and so on.
using Limit = decltype(RLIMIT_AS);

/// A limit as it is for this process now; absent for none.
inline std::optional<std::size_t> soft_limit(Limit which) noexcept {
  rlimit limit{};
  if (::getrlimit(which, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return static_cast<std::size_t>(limit.rlim_cur);
}

/// What a call was to make, where its error alone doesn't tell which limit it met.
enum class Making { anything, process };

/// Which limit a call met and what to do about it, to be put behind what the call was for; empty where the error speaks
/// of none.
inline std::string limit_met(int error, Making making) {
  const auto is = [](const char* name, Limit which) {
    const auto limit = soft_limit(which);
    return std::string(" (") + name + " is " + (limit ? std::to_string(*limit) : "unlimited");
  };
  switch (error) {
    case EMFILE: return is("RLIMIT_NOFILE", RLIMIT_NOFILE) + ": close descriptors, or raise it by ulimit -n)";
    case ENFILE:
      return " (all processes together have as many files open as fs.file-max allows: close some, or raise it by "
             "sysctl)";
    case EFBIG:
      return is("RLIMIT_FSIZE", RLIMIT_FSIZE) +
             ", which bounds files in memory too: ask for less, or raise it by ulimit -f)";
    case EAGAIN:
      if (making != Making::process) return {};  // many a call says so when it only would have to wait
      return is("RLIMIT_NPROC", RLIMIT_NPROC) +
             ", and a cgroup's pids.max may be less: end processes or threads, or raise them by ulimit -u and in the "
             "cgroup)";
    case ENOMEM:
      if (soft_limit(RLIMIT_AS)) return is("RLIMIT_AS", RLIMIT_AS) + ": use less memory, or raise it by ulimit -v)";
      return " (the system promises no more: use less memory, or see vm.overcommit_memory and vm.max_map_count)";
    default: return {};
  }
}

}  // namespace multiprocessing::detail
