// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/fork.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

namespace detail = multiprocessing::detail;

namespace {

int steps = 0;

}  // namespace

TEST_CASE("fork: handlers are called around every fork, each on its side", "[os][fork]") {
  CHECK(in_child([] {
          detail::call_around_forks([] { steps += 1; }, [] { steps += 10; }, [] { steps += 100; });
          const pid_t pid = detail::fork_process();
          if (pid == 0) detail::end_process(steps == 101 ? 7 : 8);
          const int status = exit_status(pid);
          return status == 7 && steps == 11;
        }) == 0);
}

TEST_CASE("fork: end_process runs no handler", "[os][fork]") {
  CHECK(in_child([] {
          detail::call_at_exit([] { detail::end_process(9); });
          detail::end_process(4);
        }) == 4);
  CHECK(in_child([] {
          detail::call_at_exit([] { detail::end_process(9); });
          std::exit(4);
        }) == 9);
}
