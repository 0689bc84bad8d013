// SPDX-License-Identifier: BSL-1.0
/// \file
/// run_in_worlds: a run proceeds in a process of its own, which is thrown away whenever something was found in it.
#pragma once

#include "child.hpp"
#include "clock.hpp"
#include "proc.hpp"
#include "report.hpp"
#include "shared_box.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdint>
#include <string>

namespace kill_test {

/// What a world and its watcher share. `Plan` says how far the run is; only the world moves it on.
template <class Plan>
struct Course {
  Tally tally;
  std::atomic<bool> finished;
  Plan plan;
};

/// Runs `world(course)` in a fresh process, again and again until it sets `finished` or enough faults were found.
///
/// A process-wide state of the library under test (its arena) is born in the world, so a fault at one point can't spoil
/// the next; a world may also end early to have that. A world that shows no heartbeat for `patience` hangs itself: that
/// is counted, and the next one goes on.
template <class Plan, class World>
void run_in_worlds(Course<Plan>& course, std::uint64_t enough_faults, Nanoseconds patience, World world) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // what a killed world leaves comes here to be reaped
  while (!course.finished && course.tally.faults() < enough_faults) {
    course.tally.heartbeat = now();
    Child process([&] { world(course); });
    while (!process.ended()) {
      const Nanoseconds before = now();
      nap(100 * microsecond);
      // A sleeper comes before all who are busy: it waits for milliseconds, however many those are.
      if (const Nanoseconds slept = now() - before; slept > 20 * millisecond) course.tally.stalled(slept);
      if (now() - course.tally.heartbeat > patience) {
        ++course.tally.hangs;
        const std::string call = read_proc(process.pid(), "syscall");
        course.tally.note("the process that makes and checks the shared state hung itself, state %c, system call %.60s",
                          process_state(process.pid()), call.c_str());
        process.kill();
      }
    }
    if (process.failed() && WIFEXITED(*process.ended())) ++course.tally.crashes;
    if (process.failed() && WIFSIGNALED(*process.ended()) && WTERMSIG(*process.ended()) != SIGKILL) {
      ++course.tally.crashes;
      course.tally.note("the process that makes and checks the shared state was hit by signal %d",
                        WTERMSIG(*process.ended()));
    }
    while (::waitpid(-1, nullptr, __WALL) > 0) {  // its children die with it, by PR_SET_PDEATHSIG
    }
  }
}

}  // namespace kill_test
