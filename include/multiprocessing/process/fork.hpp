// SPDX-License-Identifier: BSL-1.0
/// \file
/// The start method "fork": the child is a copy of its parent.
#pragma once

#include <multiprocessing/detail/os/child.hpp>
#include <multiprocessing/detail/os/fork.hpp>
#include <multiprocessing/detail/os/lifeline.hpp>
#include <multiprocessing/detail/os/pidfd.hpp>
#include <multiprocessing/detail/os/stdio.hpp>
#include <multiprocessing/detail/os/threads.hpp>
#include <multiprocessing/detail/process/settings.hpp>
#include <multiprocessing/detail/runtime/bootstrap.hpp>
#include <multiprocessing/detail/runtime/children.hpp>
#include <multiprocessing/detail/runtime/hooks.hpp>
#include <multiprocessing/detail/runtime/runtime.hpp>
#include <multiprocessing/logging.hpp>
#include <multiprocessing/process/start_method.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace multiprocessing::detail {

/// Everything is inherited and nothing is copied, so any target and any argument will do. A child has one thread
/// only: what other threads of the parent held at that moment, a mutex say, is held for ever.
struct Fork {
  static constexpr std::string_view name = "fork";
  static constexpr std::string_view process_class = "ForkProcess";
  static constexpr bool sends = false;

  std::shared_ptr<Child> launch(const std::shared_ptr<ProcessRecord>& record, Life& life) const;
};

/// Warns when a process with several threads is about to fork: each time where the logger has a handler, else once.
inline void warn_of_threads() {
  const std::size_t threads = thread_count();
  if (threads < 2) return;
  const bool handled = get_logger().hasHandlers();
  {
    const RuntimeAccess access;
    if (std::exchange(access->warned_of_threads, true) && !handled) return;
  }
  log_lazily(warning_level, [&] {
    return "This process (pid=" + std::to_string(current_pid()) + ") has " + std::to_string(threads) +
           " threads: a child by fork may wait for ever for a lock that another thread holds now. Start processes "
           "before threads, or use the start method 'spawn' or 'forkserver'.";
  });
}

inline std::shared_ptr<Child> Fork::launch(const std::shared_ptr<ProcessRecord>& record, Life& life) const {
  warn_of_threads();
  flush_standard_streams();  // else the child would have a second copy of what is buffered
  const int nothing_to_read = null_device();
  Fd lifeline = RuntimeAccess()->lifeline.take();
  call_fork_hooks(&ForkHooks::before_fork);
  pid_t pid = -1;
  try {
    pid = fork_process();
  } catch (...) {
    call_fork_hooks(&ForkHooks::after_fork_in_parent, pid);
    RuntimeAccess()->lifeline.give_back(std::move(lifeline));
    throw;
  }
  if (pid == 0) {
    if (!record->outlive_parent) die_with_parent(lifeline);
    replace_stdin(nothing_to_read);
    std::optional<std::string>& own = start_settings().method;
    if (own != name) own = name;  // else untouched: a store would copy a page
    live_as_child(record, std::move(lifeline), life);
  }
  call_fork_hooks(&ForkHooks::after_fork_in_parent, pid);
  return std::make_shared<Child>(pid, open_pidfd(pid), &child_collected, std::move(lifeline));
}

static_assert(start_method<Fork>);

}  // namespace multiprocessing::detail
