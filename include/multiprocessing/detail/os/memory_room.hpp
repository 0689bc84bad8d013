// SPDX-License-Identifier: BSL-1.0
/// \file
/// How much memory the system can still give this process: beyond it nothing fails, but somebody is killed.
#pragma once

#include <multiprocessing/detail/os/fd.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace multiprocessing::detail {

namespace room {

inline constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

inline std::size_t left_of(std::size_t limit, std::size_t used) { return limit - std::min(limit, used); }

/// What is in a file of the kernel's; nothing where it can't be read.
inline std::string text_of_file(const std::string& path) {
  std::string text;
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char buffer[4096];
  for (ssize_t got; file && (got = ::read(file.get(), buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  return text;
}

/// The number behind `key` in a line of its own; absent where there is none, as for "max".
inline std::optional<std::size_t> number_in(std::string_view text, std::string_view key = {}) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(key)) continue;
    std::string_view rest = line.substr(key.size());
    rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(": ")));
    if (rest.empty() || rest[0] < '0' || rest[0] > '9') continue;
    return std::strtoull(std::string(rest).c_str(), nullptr, 10);
  }
  return std::nullopt;
}

/// What the memory cgroup in `folder`, of the second version or the first, leaves; `swap` is what the system has left
/// of that.
inline std::size_t of_cgroup(const std::string& folder, bool second, std::size_t swap) {
  const auto limit = number_in(text_of_file(folder + (second ? "/memory.max" : "/memory.limit_in_bytes")));
  const auto used = number_in(text_of_file(folder + (second ? "/memory.current" : "/memory.usage_in_bytes")));
  if (!limit || !used) return unlimited;
  if (second) {
    const auto swap_limit = number_in(text_of_file(folder + "/memory.swap.max"));
    const auto swap_used = number_in(text_of_file(folder + "/memory.swap.current"));
    if (swap_limit && swap_used) swap = std::min(swap, left_of(*swap_limit, *swap_used));
  }
  // Pages of files count as used, and give way.
  const std::string statistics = text_of_file(folder + "/memory.stat");
  const std::size_t files = number_in(statistics, second ? "inactive_file" : "total_inactive_file").value_or(0) +
                            number_in(statistics, second ? "active_file" : "total_active_file").value_or(0);
  const std::size_t left = left_of(*limit, left_of(*used, files));
  return left > unlimited - swap ? unlimited : left + swap;
}

}  // namespace room

/// The least of what the system has available and of what is left to each memory cgroup of this process; absent where
/// neither is known. An estimate, which others may use up meanwhile. Costs some 0.1 ms.
inline std::optional<std::size_t> memory_room(const std::string& proc = "/proc",
                                              const std::string& cgroups = "/sys/fs/cgroup") {
  const std::string system = room::text_of_file(proc + "/meminfo");
  constexpr std::size_t unit = 1024;
  const std::size_t swap = room::number_in(system, "SwapFree").value_or(0) * unit;
  std::size_t least = room::unlimited;
  if (const auto available = room::number_in(system, "MemAvailable")) least = *available * unit + swap;
  const std::string mine = room::text_of_file(proc + "/self/cgroup");
  for (std::size_t at = 0; at < mine.size();) {
    const std::string line = mine.substr(at, mine.find('\n', at) - at);
    at += line.size() + 1;
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == line.npos) continue;
    const std::string controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
    const bool version_two = controllers == ",,";
    if (!version_two && controllers.find(",memory,") == controllers.npos) continue;
    const std::string root = cgroups + (version_two ? "" : "/memory");
    // Those above count, too. In a container the path may be one that is not seen there; then only the uppermost is.
    for (std::string path = line.substr(second + 1);; path.erase(path.rfind('/'))) {
      if (path == "/") path.clear();
      least = std::min(least, room::of_cgroup(root + path, version_two, swap));
      if (path.empty() || path.rfind('/') == path.npos) break;
    }
  }
  if (least == room::unlimited) return std::nullopt;
  return least;
}

}  // namespace multiprocessing::detail
