// SPDX-License-Identifier: BSL-1.0
/// \file
/// The end of a process: its finalizers and its children, in Python's order.
#pragma once

#include <multiprocessing/detail/os/fork.hpp>
#include <multiprocessing/detail/os/signals.hpp>
#include <multiprocessing/detail/runtime/children.hpp>
#include <multiprocessing/detail/runtime/report.hpp>
#include <multiprocessing/detail/runtime/runtime.hpp>
#include <multiprocessing/logging.hpp>
#include <multiprocessing/time.hpp>

#include <chrono>
#include <limits>
#include <string>
#include <utility>

namespace multiprocessing::detail {

/// How long a daemon has to obey SIGTERM when its parent ends; then it is killed. (Python waits for ever.)
inline constexpr std::chrono::seconds daemon_grace{1};

/// Runs the finalizer of process `pid`, if it is still registered here.
inline void run_finalizer(const Finalizers::Key& key, pid_t pid) {
  if (pid != current_pid()) {
    log_lazily(SUBDEBUG, [] { return "finalizer ignored because different process"; });
    return;
  }
  Finalizers::Callback callback;
  {
    const RuntimeAccess access;
    callback = access->finalizers.take(key);
  }
  if (!callback) {
    log_lazily(SUBDEBUG, [] { return "finalizer no longer registered"; });
    return;
  }
  log_lazily(SUBDEBUG, [&] { return "finalizer calling its callback, exitpriority=" + std::to_string(key.first); });
  callback();
}

/// Runs the finalizers with at least this priority, and reports what they throw.
inline void run_finalizers(int lowest) {
  std::vector<Finalizers::Key> keys;
  {
    const RuntimeAccess access;
    keys = access->finalizers.keys(lowest);
  }
  for (const auto& key : keys) {
    try {
      run_finalizer(key, current_pid());
    } catch (...) {
      report_current_exception("Exception in a finalizer of " + current_process_name() + ":");
    }
  }
}

/// Terminates the daemons among the children and waits for all of them.
inline void end_children() {
  const auto name = [](const auto& record) { return record_name(*record); };
  const Children children = live_children();
  if (children.empty()) return;
  for (const auto& record : children) {
    if (!record->daemon) continue;
    log_lazily(info_level, [&] { return "calling terminate() for daemon " + name(record); });
    record->child->send(terminate_signal);
  }
  const Deadline grace{daemon_grace};
  for (const bool daemon : {true, false}) {
    for (const auto& record : children) {
      if (record->daemon != daemon) continue;
      log_lazily(info_level, [&] { return "calling join() for process " + name(record); });
      if (daemon && !record->child->wait(grace)) record->child->send(kill_signal);
      record->child->wait(Deadline(std::nullopt));
    }
  }
}

/// What has to happen before a process may end; once, however often it is called.
inline void run_exit_function() {
  {
    const RuntimeAccess access;
    if (std::exchange(access->exiting, true)) return;
  }
  log_lazily(info_level, [] { return "process shutting down"; });
  log_lazily(debug_level, [] { return "running all \"atexit\" finalizers with priority >= 0"; });
  run_finalizers(0);
  try {
    end_children();
  } catch (...) {
    report_current_exception("Exception while " + current_process_name() + " ended its children:");
  }
  log_lazily(debug_level, [] { return "running the remaining \"atexit\" finalizers"; });
  run_finalizers(std::numeric_limits<int>::min());
}

/// Has run_exit_function called when this process ends normally, before the destructors of statics made until now.
inline void hook_exit(const RuntimeAccess& access) {
  if (std::exchange(access->exit_hooked, true)) return;
  call_at_exit([] {
    // A fork inherits the handler, but not what it is about.
    if (runtime_gate.runtime->pid == current_pid()) run_exit_function();
  });
}

}  // namespace multiprocessing::detail
