// SPDX-License-Identifier: BSL-1.0
/// \file
/// Birth: what the arena and others are told when a child is about to be started anew.
#pragma once

#include <multiprocessing/detail/memory/identity.hpp>
#include <multiprocessing/detail/runtime/hooks.hpp>

#include <cstdint>

namespace multiprocessing::detail {

/// Around the birth of a child that is not forked by this process. Before it a slot is taken for the child, so that the
/// handles that it is sent refer to something as long as it lives; without a free one they may become stale.
class Birth {
 public:
  Birth() {
    the_arena();
    call_fork_hooks(&ForkHooks::before_fork);
    prepare_for_fork();
  }
  Birth(const Birth&) = delete;
  Birth& operator=(const Birth&) = delete;
  ~Birth() {
    parent_after_fork();
    call_fork_hooks(&ForkHooks::after_fork_in_parent, pid_);
  }

  /// The ProcessRef of the slot; 0 for none.
  std::uint32_t slot() const { return registration::expected_child; }
  /// The arena's descriptor.
  int arena() const { return descriptor_of(the_arena()); }

  void happened(pid_t pid) { pid_ = pid; }

 private:
  pid_t pid_ = -1;
};

}  // namespace multiprocessing::detail
