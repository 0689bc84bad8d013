// SPDX-License-Identifier: BSL-1.0
/// \file
/// Stepper: drives a traced process instruction by instruction.
#pragma once

#include "child.hpp"
#include "clock.hpp"
#include "proc.hpp"

#include <sched.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace kill_test {

#if defined(__x86_64__)
inline constexpr bool can_step = true;
/// Stops a traced process here: begin and end of the instructions that the sweep walks.
[[gnu::always_inline]] inline void marker() { asm volatile("int3" ::: "memory"); }
inline constexpr std::size_t program_counter = offsetof(user_regs_struct, rip);
#else
inline constexpr bool can_step = false;  // a sweep says so and counts as skipped; storms run everywhere
inline void marker() {}
inline constexpr std::size_t program_counter = 0;
#endif

/// Keeps the stepping process and the stepped one on one processor: steps are then three times as fast.
class SameProcessor {
 public:
  explicit SameProcessor(pid_t victim) {
    ::sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &here);
    ::sched_setaffinity(0, sizeof here, &here);
    ::sched_setaffinity(victim, sizeof here, &here);
  }
  SameProcessor(const SameProcessor&) = delete;
  SameProcessor& operator=(const SameProcessor&) = delete;
  ~SameProcessor() { ::sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_;
};

/// What one step led to.
enum class Step {
  done,    ///< one instruction further
  asleep,  ///< the instruction was a system call, and the victim sleeps in it
  ended,   ///< the victim stands at its end marker
  gone,    ///< the victim has ended, or was hit by a signal: its own fault
  stuck,   ///< it was asleep and did not wake in time
};

/// Drives a Child that called PTRACE_TRACEME, from the marker on which it stops first.
class Stepper {
 public:
  Stepper(Child& victim, Syscalls sleeps_in, Nanoseconds watchdog)
      : victim_(victim), sleeps_in_(std::move(sleeps_in)), watchdog_(watchdog) {}

  /// Waits for the begin marker. (The first stop of a traced process is that marker: nothing else raises a signal.)
  bool reach_marker() {
    if (!poll_until(watchdog_, [this] { return stopped_now(); }) || gone_) return false;
    return ::ptrace(PTRACE_SETOPTIONS, victim_.pid(), nullptr, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD) == 0;
  }

  /// Lets the victim run at full speed until it sleeps.
  bool run_until_asleep() {
    resume(PTRACE_SYSCALL);
    const bool slept = poll_until(watchdog_, [this] {
      if (stopped_now()) {
        if (gone_ || at_end()) return true;
        resume(PTRACE_SYSCALL);
      }
      return asleep(victim_.pid(), sleeps_in_);
    });
    waiting_ = slept && !gone_ && !at_end_;
    return waiting_;
  }

  /// One instruction, or, when the victim was found asleep, the rest of its system call.
  Step step() {
    if (waiting_) {
      if (!poll_until(watchdog_, [this] { return stopped_now(); })) return Step::stuck;
      waiting_ = false;
      return gone_ ? Step::gone : Step::done;
    }
    const std::uintptr_t address = position();
    if (opcode(address) == int3) return Step::ended;
    const bool system_call = opcode(address) == 0x0f && opcode(address + 1) == 0x05;
    resume(PTRACE_SINGLESTEP);
    if (!system_call) {
      wait_for_stop();
    } else {
      poll_until(watchdog_, [this] {
        if (stopped_now()) return true;
        return waiting_ = asleep(victim_.pid(), sleeps_in_);
      });
      if (waiting_) return Step::asleep;
    }
    return gone_ ? Step::gone : Step::done;
  }

  /// Runs at full speed to the `occurrence`-th visit of `address` from here; calls `on_sleep` if it falls asleep
  /// before.
  template <class OnSleep>
  Step run_to(std::uintptr_t address, std::uint64_t occurrence, OnSleep on_sleep) {
    for (std::uint64_t seen = position() == address ? 1 : 0; seen < occurrence; ++seen) {
      if (position() == address) {
        if (const Step step_off = step(); step_off != Step::done) return step_off;
      }
      const long code = ::ptrace(PTRACE_PEEKTEXT, victim_.pid(), address, nullptr);
      poke(address, (code & ~0xffL) | int3);
      resume(PTRACE_CONT);
      const bool stopped = poll_until(watchdog_, [&] {
        if (stopped_now()) return true;
        if (asleep(victim_.pid(), sleeps_in_)) on_sleep();
        return false;
      });
      if (!stopped) return Step::stuck;
      if (gone_) return Step::gone;
      poke(address, code);
      const std::uintptr_t stop = position() - 1;
      ::ptrace(PTRACE_POKEUSER, victim_.pid(), program_counter, stop);  // back before the breakpoint or the end marker
      if (stop != address) return Step::ended;
    }
    return Step::done;
  }

  bool waiting() const noexcept { return waiting_; }

  /// Where the victim stands.
  std::uintptr_t position() const {
    return static_cast<std::uintptr_t>(::ptrace(PTRACE_PEEKUSER, victim_.pid(), program_counter, nullptr));
  }

 private:
  static constexpr unsigned char int3 = 0xcc;

  // The victim was forked from this process, so its code lies at the same addresses here.
  static unsigned char opcode(std::uintptr_t address) { return *reinterpret_cast<const unsigned char*>(address); }

  bool at_end() { return at_end_ = opcode(position() - 1) == int3; }  // a marker that was run into is behind

  void resume(__ptrace_request how) const { ::ptrace(how, victim_.pid(), nullptr, nullptr); }

  void poke(std::uintptr_t address, long word) const { ::ptrace(PTRACE_POKETEXT, victim_.pid(), address, word); }

  bool stopped_now() { return take(WNOHANG); }
  void wait_for_stop() { take(0); }

  bool take(int options) {
    int status = 0;
    if (::waitpid(victim_.pid(), &status, options) != victim_.pid()) return false;
    if (!WIFSTOPPED(status)) {
      victim_.reaped(status);
      gone_ = true;
    } else if ((WSTOPSIG(status) & 0x7f) != SIGTRAP) {
      gone_ = true;
    }
    return true;
  }

  Child& victim_;
  Syscalls sleeps_in_;
  Nanoseconds watchdog_;
  bool waiting_ = false;
  bool gone_ = false;
  bool at_end_ = false;
};

}  // namespace kill_test
