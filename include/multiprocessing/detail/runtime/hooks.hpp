// SPDX-License-Identifier: BSL-1.0
/// \file
/// ForkHooks: how parts of the library are told about births and deaths of processes.
#pragma once

#include <multiprocessing/detail/os/fork.hpp>

#include <atomic>

namespace multiprocessing::detail {

/// Functions to call around the births that a Process makes, and when a child's status was collected; null for none.
/// They must not throw, nor start processes. Births may overlap: several threads may start processes at once.
///
/// Not called for the program's own fork(): a part that must notice those too has to look for itself. Where two
/// copies of the library are loaded, each tells only its own parts; to the other's, its births are the program's own
/// forks.
struct ForkHooks {
  void (*before_fork)() = nullptr;
  void (*after_fork_in_parent)(pid_t) = nullptr;  // a negative pid: no child was born after all
  void (*after_fork_in_child)() = nullptr;        // before any code of the user
  void (*after_join)(pid_t) = nullptr;            // from any thread; from now on the kernel may give the pid away
  ForkHooks* next = nullptr;                      // set by register_fork_hooks

  static inline constinit std::atomic<ForkHooks*> first = nullptr;
};

/// Adds `hooks`, which must live as long as the process (a static without destructor) and be added only once; the hooks
/// added last are called first.
inline void register_fork_hooks(ForkHooks& hooks) noexcept {
  hooks.next = ForkHooks::first.load();
  while (!ForkHooks::first.compare_exchange_weak(hooks.next, &hooks)) {
  }
}

/// Calls the `member` of all registered hooks that have one.
template <class... Parameters, class... Arguments>
void call_fork_hooks(void (*ForkHooks::*member)(Parameters...), Arguments... arguments) {
  for (const ForkHooks* hooks = ForkHooks::first.load(); hooks != nullptr; hooks = hooks->next) {
    if (hooks->*member != nullptr) (hooks->*member)(arguments...);
  }
}

}  // namespace multiprocessing::detail
