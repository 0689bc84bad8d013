// SPDX-License-Identifier: BSL-1.0
/// \file
/// This process, its parent, its children, and the machine's processors.
#pragma once

#include <multiprocessing/detail/os/threads.hpp>
#include <multiprocessing/detail/runtime/children.hpp>
#include <multiprocessing/detail/runtime/runtime.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/process/process.hpp>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace multiprocessing {

/// The process that calls: Python's `current_process()`.
inline Process current_process() {
  const detail::RuntimeAccess access;
  return Process(access->self);
}

/// The process that started this one; nothing in the main process. Its is_alive(), join() and sentinel() tell of its
/// end.
inline std::optional<Process> parent_process() {
  const detail::RuntimeAccess access;
  if (!access->parent) return std::nullopt;
  return Process(access->parent);
}

/// The children of this process that run. Like Python's, it collects the exit codes of those that have ended.
inline std::vector<Process> active_children() {
  std::vector<Process> active;
  for (auto& record : detail::live_children()) active.push_back(Process(std::move(record)));
  return active;
}

/// The number of processors of this machine; throws NotImplementedError if it is unknown.
inline int cpu_count() {
  const int count = detail::online_cpus();
  if (count == 0) throw NotImplementedError("cannot determine number of cpus");
  return count;
}

}  // namespace multiprocessing
