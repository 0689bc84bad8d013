// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/pidfd.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>

namespace detail = multiprocessing::detail;
using namespace std::chrono_literals;

TEST_CASE("pidfd: it becomes readable when its process ends, and never means another one", "[os][pidfd]") {
  const pid_t pid = start_child([] {
    for (;;) ::pause();
  });
  const auto fd = detail::open_pidfd(pid);
  REQUIRE(fd);
  CHECK_FALSE(detail::wait_readable(fd.get(), detail::Deadline(false)));
  const auto before = std::chrono::steady_clock::now();
  CHECK_FALSE(detail::wait_readable(fd.get(), detail::Deadline(20ms)));
  CHECK(std::chrono::steady_clock::now() - before >= 20ms);
  CHECK(detail::send_signal(pid, fd.get(), SIGKILL) == 0);
  CHECK(detail::wait_readable(fd.get(), detail::Deadline(std::nullopt)));
  exit_status(pid);
  CHECK(detail::send_signal(pid, fd.get(), SIGKILL) == ESRCH);
  CHECK_FALSE(detail::open_pidfd(pid));
}

TEST_CASE("wait_readable: a descriptor that is none does not hang", "[os][pidfd]") {
  CHECK(detail::wait_readable(1000000, detail::Deadline(std::nullopt)));
}
