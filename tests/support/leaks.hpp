// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a process holds that outlives a test when the test forgets it.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <system_error>

/// Descriptors, shared mappings and names at one moment. The arena is left out: it is opened at its first use and stays
/// for the life of the process.
class Holdings {
 public:
  static Holdings now() {
    Holdings found;
    found.add_links("/proc/self/fd", "descriptor ");
    found.add_shared_mappings();
    found.add_names();
    return found;
  }

  /// What is here and was not there `before`, a line each.
  std::string beyond(const Holdings& before) const {
    std::string lines;
    for (const auto& each : held_) {
      if (!before.held_.contains(each)) lines += "  " + each + '\n';
    }
    return lines;
  }

 private:
  static bool is_arena(std::string_view text) { return text.find("/memfd:multiprocessing") != std::string_view::npos; }

  void add_links(const char* folder, const std::string& kind) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      std::error_code gone;  // the descriptor that reads the folder is in the listing too
      const auto target = std::filesystem::read_symlink(entry.path(), gone).string();
      const bool is_listing = target.starts_with("/proc/") && target.ends_with("/fd");
      if (!gone && !is_listing && !is_arena(target))
        held_.insert(kind + entry.path().filename().string() + ": " + target);
    }
  }

  void add_shared_mappings() {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      const bool shared = line.size() > line.find(' ') + 4 && line[line.find(' ') + 4] == 's';
      if (shared && !is_arena(line)) held_.insert("shared mapping " + line);
    }
  }

  void add_names() {
    if (!std::filesystem::exists("/dev/shm")) return;
    for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
      const auto name = entry.path().filename().string();
      // Only the names that this library gives: other programs, and tests beside this one, make theirs meanwhile.
      const bool ours = name.find("multiprocessing") != std::string::npos || name.starts_with("psm_");
      if (ours) held_.insert("name " + entry.path().string());
    }
  }

  std::set<std::string> held_;
};

/// Says whether a child is left, running or unreaped, a line; empty when there is none. Reaps what it finds dead.
inline std::string children_left() {
  const pid_t left = ::waitpid(-1, nullptr, WNOHANG);
  if (left == -1 && errno == ECHILD) return {};
  if (left == 0) return "  a child that still runs\n";
  return "  child " + std::to_string(left) + ", ended but not waited for\n";
}
