// SPDX-License-Identifier: BSL-1.0
/// \file
/// ProcessView: a process as it is at one moment, seen from this one.
#pragma once

#include <multiprocessing/detail/os/child.hpp>
#include <multiprocessing/detail/os/fork.hpp>
#include <multiprocessing/detail/os/pidfd.hpp>
#include <multiprocessing/detail/runtime/process_record.hpp>
#include <multiprocessing/detail/runtime/runtime.hpp>

#include <memory>

namespace multiprocessing::detail {

struct ProcessView {
  ProcessRecord::Progress progress{};
  std::shared_ptr<Child> child;
  pid_t creator = 0;
  pid_t pid = 0;
  bool is_self = false;
  bool is_parent = false;
  int parent_end = -1;  // of a parent

  bool is_ours() const { return creator == current_pid(); }
  bool is_closed() const { return progress == ProcessRecord::Progress::closed; }
  bool is_starting() const { return progress == ProcessRecord::Progress::starting; }
};

inline ProcessView view_of(const std::shared_ptr<ProcessRecord>& record) {
  const RuntimeAccess access;
  ProcessView view;
  view.progress = record->progress;
  view.child = record->child;
  view.creator = record->creator;
  view.pid = record->pid;
  view.is_self = record == access->self;
  view.is_parent = record == access->parent;
  if (view.is_parent) {
    if (!access->parent_end) access->parent_end = LastingFd(open_pidfd_of_elder(record->pid));  // the program closed it
    view.parent_end = access->parent_end.get();
  }
  return view;
}

}  // namespace multiprocessing::detail
