// SPDX-License-Identifier: BSL-1.0
/// \file
/// The life of a child process, however it was brought about: from its first step to its last.
#pragma once

#include <multiprocessing/detail/os/exit_barrier.hpp>
#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/fork.hpp>
#include <multiprocessing/detail/os/stdio.hpp>
#include <multiprocessing/detail/os/write.hpp>
#include <multiprocessing/detail/runtime/exit.hpp>
#include <multiprocessing/detail/runtime/report.hpp>
#include <multiprocessing/detail/runtime/runtime.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/logging.hpp>

#include <cxxabi.h>

#include <memory>
#include <string>
#include <utility>

namespace multiprocessing::detail {

class Package;

/// What a new process is for.
class Life {
 public:
  virtual ~Life() = default;
  /// Does it; what it throws ends the process.
  virtual void run() = 0;
  /// Destroys what it was done with: the process's own copies of target and arguments.
  virtual void release() = 0;
  /// Writes it down for a process that has no copy of this one's memory.
  virtual void pack(Package&) const { throw RuntimeError("start: what this process is for can't be written down; use 'fork'"); }
};

/// The last step of a child, also when it called exit(): its exit handlers have run.
inline void end_child(int code) {
  run_exit_function();
  log_lazily(info_level, [&] { return "process exiting with exitcode " + std::to_string(code); });
  flush_standard_streams();
  end_process(code);
}

/// Makes this process the one that `record` describes.
inline void become(std::shared_ptr<ProcessRecord> record, Fd parent_end) {
  const RuntimeAccess access;
  access->parent = std::exchange(access->self, std::move(record));
  access->parent->pid = access->self->creator;
  access->parent->creator = 0;  // it is nobody's child here
  access->parent_end = LastingFd(std::move(parent_end));
  access->self->progress = ProcessRecord::Progress::started;
  access->processes_made = 0;
}

/// The same for a process that was forked.
inline void become_child(std::shared_ptr<ProcessRecord> record, Fd parent_end) {
  ExitBarrier::raise(&end_child);
  become(std::move(record), std::move(parent_end));
  RuntimeAccess()->exit_hooked = true;  // end_child does it
}

/// The same for a process that was started anew: nothing in it is inherited, so it ends as any program does; but what the C library
/// still writes then to a pipe that nobody reads does not change its exit code, no more than in a process that was forked.
inline void become_main(std::shared_ptr<ProcessRecord> record, Fd parent_end) {
  call_at_exit([] { [[maybe_unused]] static const auto* const until_the_end = new SigpipeHeld(); });
  become(std::move(record), std::move(parent_end));
  const RuntimeAccess access;
  hook_exit(access);
}

/// Runs `life` and returns the exit code that follows from how it ended.
__attribute__((no_sanitize("null")))  // what pthread_exit throws has no object: its reference is null
inline int run_life(Life& life) {
  try {
    log_lazily(info_level, [] { return "child process calling self.run()"; });
    life.run();
    return 0;
  } catch (const SystemExit& exit) {
    if (!exit.message().empty()) {
      flush_standard_streams();
      write_to_stderr(exit.message() + '\n');
    }
    return exit.code();
  } catch (abi::__forced_unwind&) {
    end_child(0);  // pthread_exit, which may not be stopped; so the process ends before it gets any further
    throw;
  } catch (...) {
    report_current_exception("Process " + current_process_name() + ":");
    return 1;
  }
}

/// What a child does after it was forked. Never returns into the code that forked.
[[noreturn]] inline void live_as_child(std::shared_ptr<ProcessRecord> record, Fd parent_end, Life& life) noexcept {
  become_child(std::move(record), std::move(parent_end));
  call_fork_hooks(&ForkHooks::after_fork_in_child);
  const int code = run_life(life);
  life.release();
  run_exit_function();
  ExitBarrier::run_handlers(code);
}

/// What a child does that was started anew, when it has become what it is to be.
[[noreturn]] inline void live_as_main(Life& life) {
  const int code = run_life(life);
  life.release();
  run_exit_function();
  log_lazily(info_level, [&] { return "process exiting with exitcode " + std::to_string(code); });
  exit_program(code);
}

}  // namespace multiprocessing::detail
