// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/liveness.hpp>

#include "support/catch.hpp"
#include "support/outside.hpp"

#include <multiprocessing/detail/os/robust_list.hpp>

#include <thread>

using namespace multiprocessing::detail;

namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;

}  // namespace

TEST_CASE("process_is_gone: one that runs, sleeps or is stopped is not", "[detail][liveness]") {
  CHECK_FALSE(process_is_gone(this_process_id(), boot_time()));
  const pid_t child = start_child([] {
    for (;;) ::pause();
  });
  CHECK_FALSE(process_is_gone(child, boot_time()));
  ::kill(child, SIGSTOP);
  REQUIRE(wait_until([&] { return state_of(child) == 'T'; }));
  CHECK_FALSE(process_is_gone(child, boot_time()));
  kill_child(child);
}

TEST_CASE("process_is_gone: a zombie is, and one that was waited for", "[detail][liveness]") {
  const auto seen = boot_time();
  const pid_t child = start_child([] {});
  REQUIRE(wait_until([&] { return state_of(child) == 'Z'; }));
  CHECK(process_is_gone(child, seen + second_ns));
  CHECK(exit_status(child) == 0);
  CHECK(process_is_gone(child, seen + second_ns));
}

TEST_CASE("process_is_gone: an id that another process has by now does not mislead", "[detail][liveness]") {
  const pid_t child = start_child([] {
    for (;;) ::pause();
  });
  // As if the first process of this id had been seen long before this one started.
  CHECK(process_is_gone(child, boot_time() - 5 * second_ns - (boot_time() - start_time(child))));
  kill_child(child);
}

TEST_CASE("process_is_gone: an id that a thread of another process has by now does not mislead", "[detail][liveness]") {
  std::atomic<std::uint32_t> id{0};
  std::atomic<bool> done{false};
  std::thread thread([&] {
    id = this_thread_id();
    wait_until([&] { return done.load(); });
  });
  REQUIRE(wait_until([&] { return id != 0; }));
  CHECK(process_is_gone(static_cast<std::int32_t>(id), boot_time()));
  done = true;
  thread.join();
}

TEST_CASE("process_is_gone: is asked by kill() where pidfd_open is refused", "[detail][liveness]") {
  const pid_t child = start_child([] {
    for (;;) ::pause();
  });
  const pid_t ended = start_child([] {});
  REQUIRE(exit_status(ended) == 0);
  CHECK(in_child([&] {
          refuse_system_call(SYS_pidfd_open, ENOSYS);
          demand(!process_is_gone(child, boot_time()), "the living one lives");
          demand(process_is_gone(ended, boot_time()), "the ended one is gone");
        }) == 0);
  kill_child(child);
}

TEST_CASE("process_is_gone: nobody is declared dead for want of descriptors", "[detail][liveness]") {
  const pid_t ended = start_child([] {});
  REQUIRE(exit_status(ended) == 0);
  CHECK(in_child([&] {
          limit(RLIMIT_NOFILE, 0);
          demand(!process_is_gone(::getppid(), boot_time()), "the parent lives");
        }) == 0);
}

TEST_CASE("start_time: lies between two looks at the clock, whatever the process is called", "[detail][liveness]") {
  const auto before = boot_time();
  Steps steps;
  const pid_t child = start_child([&] {
    ::prctl(PR_SET_NAME, ") 1 (x) 2 ");
    steps.reach(1);
    for (;;) ::pause();
  });
  REQUIRE(steps.await(1));
  const auto started = start_time(child);
  CHECK(started + second_ns / 10 >= before);  // rounded down to a tick
  CHECK(started <= boot_time());
  kill_child(child);
  CHECK(start_time(child) == 0);
}
