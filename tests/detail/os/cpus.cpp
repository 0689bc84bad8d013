// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/cpus.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <thread>

using namespace multiprocessing::detail;

TEST_CASE("usable_cpus: is one at least, and no more than there are", "[detail][cpus]") {
  CHECK(usable_cpus() >= 1);
  CHECK(usable_cpus() <= static_cast<int>(std::thread::hardware_concurrency()));
}

TEST_CASE("usable_cpus: follows the thread's affinity", "[detail][cpus]") {
  CHECK(in_child([] {
          cpu_set_t all, one;
          ::sched_getaffinity(0, sizeof all, &all);
          CPU_ZERO(&one);
          for (int i = 0; i < CPU_SETSIZE; ++i) {
            if (CPU_ISSET(i, &all)) {
              CPU_SET(i, &one);
              break;
            }
          }
          ::sched_setaffinity(0, sizeof one, &one);
          return usable_cpus() == 1;
        }) == 0);
}

TEST_CASE("cpu_pause: returns", "[detail][cpus]") {
  cpu_pause();
  SUCCEED();
}
