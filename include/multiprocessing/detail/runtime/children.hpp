// SPDX-License-Identifier: BSL-1.0
/// \file
/// The children of this process: who they are, and that each leaves the list when its status is collected.
#pragma once

#include <multiprocessing/detail/os/child.hpp>
#include <multiprocessing/detail/runtime/hooks.hpp>
#include <multiprocessing/detail/runtime/runtime.hpp>

#include <memory>
#include <vector>

namespace multiprocessing::detail {

using Children = std::vector<std::shared_ptr<ProcessRecord>>;

inline Children known_children() {
  const RuntimeAccess access;
  return access->children;
}

/// The children that run; collects the status of those that have ended.
inline Children live_children() {
  Children children = known_children();
  std::erase_if(children, [](const auto& record) { return record->child->poll().has_value(); });
  return children;
}

/// Collects the status of children that have ended, if any.
inline void reap_children() {
  if (!known_children().empty() && any_child_ended()) live_children();
}

/// What a Child calls when its status was collected.
inline void child_collected(Child& child) {
  Children gone;  // destroyed after the lock is released
  {
    const RuntimeAccess access;
    access->lifeline.give_back(child.take_lifeline());
    auto& children = access->children;
    const auto found = std::find_if(children.begin(), children.end(),
                                    [&](const auto& record) { return record->child.get() == &child; });
    if (found != children.end()) {
      gone.push_back(std::move(*found));
      children.erase(found);
    }
  }
  call_fork_hooks(&ForkHooks::after_join, child.pid());
}

}  // namespace multiprocessing::detail
