// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/runtime/hooks.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <string>

namespace detail = multiprocessing::detail;
using detail::ForkHooks;

namespace {

std::string told;

}  // namespace

TEST_CASE("ForkHooks: all that were registered are called, the last one first, and none that is null",
          "[runtime][hooks]") {
  CHECK(in_child([] {
          static ForkHooks first{.before_fork = [] { told += "a"; },
                                 .after_fork_in_parent = [](pid_t pid) { told += std::to_string(pid); }};
          static ForkHooks second{.before_fork = [] { told += "b"; }};
          detail::call_fork_hooks(&ForkHooks::before_fork);
          detail::register_fork_hooks(first);
          detail::register_fork_hooks(second);
          detail::call_fork_hooks(&ForkHooks::before_fork);
          detail::call_fork_hooks(&ForkHooks::after_fork_in_parent, pid_t{7});
          detail::call_fork_hooks(&ForkHooks::after_join, pid_t{7});
          return told == "ba7";
        }) == 0);
}
