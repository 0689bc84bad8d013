// SPDX-License-Identifier: BSL-1.0
/// \file
/// Starvation: how long the machine itself kept the workers from running, which no lock can help.
#pragma once

#include "child.hpp"
#include "clock.hpp"
#include "proc.hpp"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace kill_test {

/// Adds up the long times for which a thread was ready to run and got no processor, as the kernel's schedstat tells
/// them.
///
/// Short ones are everybody's turn and count for nothing. On a machine with nothing else to do the sum is zero.
class Starvation {
 public:
  /// To be called every few milliseconds. Looks some times a second: each look leaves entries for every thread in the
  /// kernel's cache of /proc, and a process that ends takes the longer to be gone the more there are.
  void look_sometimes(const std::vector<Child>& processes) {
    if (now() - looked_ >= 100 * millisecond) look(processes);
  }

  void look(const std::vector<Child>& processes) {
    looked_ = now();
    Nanoseconds worst = grown(::getpid(), ::getpid());
    for (const Child& process : processes) {
      const std::string tasks = "/proc/" + std::to_string(process.pid()) + "/task";
      DIR* directory = ::opendir(tasks.c_str());
      if (directory == nullptr) continue;
      while (const dirent* entry = ::readdir(directory)) {
        const pid_t thread = std::atoi(entry->d_name);
        if (thread != 0) worst = std::max(worst, grown(process.pid(), thread));
      }
      ::closedir(directory);
    }
    if (worst == 0) return;
    total_ += worst;
    history_.push_back({now(), worst});
    if (history_.size() > most_kept) history_.pop_front();
  }

  /// What was seen after `moment`.
  Nanoseconds since(Nanoseconds moment) const {
    Nanoseconds sum = 0;
    for (const Seen& seen : history_) sum += seen.at >= moment ? seen.starved : 0;
    return sum;
  }

  Nanoseconds total() const { return total_; }

 private:
  static constexpr Nanoseconds long_delay = 20 * millisecond;  // some turns of the others
  static constexpr std::size_t most_kept = 4096;

  struct Seen {
    Nanoseconds at, starved;
  };
  struct Counts {
    long long delay = 0, turns = 0;
  };

  // The delay since the last look, if its turns were long in coming.
  Nanoseconds grown(pid_t process, pid_t thread) {
    Counts counts;
    const std::string name = "task/" + std::to_string(thread) + "/schedstat";
    if (std::sscanf(read_proc(process, name.c_str()).c_str(), "%*d %lld %lld", &counts.delay, &counts.turns) != 2)
      return 0;
    Counts& before = counts_[thread];
    if (counts.turns < before.turns) before = {};  // another thread with the same number
    const long long delay = counts.delay - before.delay;
    const long long turns = counts.turns - before.turns;
    before = counts;
    return turns > 0 && delay / turns >= long_delay ? delay : 0;
  }

  std::map<pid_t, Counts> counts_;
  std::deque<Seen> history_;
  Nanoseconds total_ = 0, looked_ = 0;
};

}  // namespace kill_test
