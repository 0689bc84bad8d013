// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/exit_barrier.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <cstdlib>

using multiprocessing::detail::end_process;
using multiprocessing::detail::ExitBarrier;

namespace {

int handlers = 0;

/// The exit code of a child that raised a barrier and ends by `end`: what the barrier was told, plus 10 for each
/// handler.
template <class End>
int told(End end) {
  return in_child([&] {
    std::atexit([] { end_process(90); });
    std::at_quick_exit([] { end_process(91); });
    ExitBarrier::raise([](int code) { end_process(code + 10 * handlers); });
    std::atexit([] { ++handlers; });
    std::atexit([] { ++handlers; });
    end();
  });
}

}  // namespace

TEST_CASE("ExitBarrier: the code arrives after the own handlers and before the inherited ones", "[os][exit_barrier]") {
  CHECK(told([] { std::exit(3); }) == 23);
  CHECK(told([] { ExitBarrier::run_handlers(4); }) == 24);
  CHECK(told([] { std::quick_exit(5); }) == 5);
}

TEST_CASE("ExitBarrier: a child of a child has a barrier of its own", "[os][exit_barrier]") {
  CHECK(told([] {
          const int inner = in_child([] {
            ExitBarrier::raise([](int code) { end_process(code); });
            std::exit(6);
          });
          end_process(inner);
        }) == 6);
}
