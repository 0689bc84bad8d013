// SPDX-License-Identifier: BSL-1.0
/// \file
/// The birth and the end of a process that is a copy of this one.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>

#include <pthread.h>
#include <unistd.h>

#include <cstdlib>

namespace multiprocessing::detail {

/// A function of the C library to be called in children, by its address. Called by name for the first time, it would be
/// looked up by the dynamic linker, in every child anew: up to a dozen page faults each.
template <auto Function>
struct EarlyBound {
  static inline constinit auto call = Function;  // not const, or the compiler would call by name
};

inline pid_t current_pid() noexcept { return ::getpid(); }

/// Forks; 0 in the child. Throws OSError when the kernel allows no further process.
inline pid_t fork_process() {
  return checked(
      "fork: a new process could not be started", [] { return ::fork(); }, Making::process);
}

/// Calls these around each fork() of this process, whoever makes it (not around _Fork() or clone).
inline void call_around_forks(void (*before)(), void (*in_parent)(), void (*in_child)()) {
  ::pthread_atfork(before, in_parent, in_child);
}

/// Ends the process at once: no exit handler, no destructor, nothing flushed.
[[noreturn]] inline void end_process(int code) noexcept {
  EarlyBound<&::_exit>::call(code);
  ::_exit(code);
}

/// Ends the program as a return from main does: with all exit handlers, and destructors of statics.
[[noreturn]] inline void exit_program(int code) { std::exit(code); }

/// Calls `handler` when the program ends normally, before what was registered earlier.
inline void call_at_exit(void (*handler)()) noexcept { std::atexit(handler); }

}  // namespace multiprocessing::detail
