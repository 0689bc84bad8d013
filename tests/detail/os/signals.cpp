// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/signals.hpp>

#include "support/catch.hpp"

TEST_CASE("signal_name: Python's names, and nothing for what has none", "[os][signals]") {
  using multiprocessing::detail::signal_name;
  CHECK(signal_name(15) == "SIGTERM");
  CHECK(signal_name(9) == "SIGKILL");
  CHECK(signal_name(40).empty());
  CHECK(signal_name(-1).empty());
}
