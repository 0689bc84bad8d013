// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/threads.hpp>

#include "process/program.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

#include <atomic>
#include <thread>

namespace detail = multiprocessing::detail;

TEST_CASE("thread_count: it counts this process's threads as they come and go", "[os][threads]") {
  if (sanitizer_has_thread) return;  // it comes and goes by itself
  CHECK(in_child([] {
          const auto before = detail::thread_count();
          std::atomic<bool> stop = false;
          std::thread first([&] { stop.wait(false); });
          std::thread second([&] { stop.wait(false); });
          const bool right = detail::thread_count() == before + 2;
          stop = true;
          stop.notify_all();
          first.join();
          second.join();
          // A joined thread may still be on its last steps in the kernel.
          return right && wait_until([&] { return detail::thread_count() == before; });
        }) == 0);
}
