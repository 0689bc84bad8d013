// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/memory/waiting.hpp>

#include "support/catch.hpp"
#include "support/outside.hpp"

#include <multiprocessing/detail/memory/identity.hpp>

#include <array>
#include <thread>
#include <vector>

using namespace multiprocessing::detail;
using multiprocessing::Timeout;
using namespace std::chrono_literals;

namespace {

const Deadline never{Timeout()};

}  // namespace

TEST_CASE("sleep_on: ends by the deadline, not before, and says that it was time alone", "[detail][waiting]") {
  const FutexWord word{1};
  const auto start = std::chrono::steady_clock::now();
  const Deadline deadline{Timeout(20ms)};
  while (sleep_on(the_arena(), word, 1, {}, deadline)) {
  }
  CHECK(std::chrono::steady_clock::now() - start >= 20ms);
}

TEST_CASE("sleep_on: for ever still looks after the last resort, and that is soon enough", "[detail][waiting]") {
  const FutexWord word{1};
  const auto start = std::chrono::steady_clock::now();
  CHECK_FALSE(sleep_on(the_arena(), word, 1, {}, never));
  CHECK(std::chrono::steady_clock::now() - start >= last_resort);
  STATIC_REQUIRE(last_resort < 250ms);
}

TEST_CASE("sleep_on: does not sleep while a watched one is dead, or the word is another", "[detail][waiting]") {
  const FutexWord word{1};
  OwnerRef ended;
  std::thread([&] { ended = this_thread().owner; }).join();
  CHECK(sleep_on(the_arena(), word, 1, std::array{this_thread().owner, ended}, never));
  CHECK(sleep_on(the_arena(), word, 2, std::array{this_thread().owner}, never));
}

TEST_CASE("sleep_on: any watched one's death ends it", "[detail][waiting]") {
  this_thread();
  struct Names {
    std::atomic<std::uint32_t> first, second;
  };
  Outside<Names> names;
  Outside<FutexWord> word;
  const auto live = [](std::atomic<std::uint32_t>& name) {
    return start_child([&name] {
      name = this_thread().owner.bits();
      for (;;) ::pause();
    });
  };
  const pid_t first = live(names->first), second = live(names->second);
  REQUIRE(wait_until([&] { return names->first != 0 && names->second != 0; }));
  const pid_t sleeper = start_child([&] {
    const std::array watched{OwnerRef(), OwnerRef(names->first), OwnerRef(names->second)};
    while (!sleep_on(the_arena(), *word, 0, watched, never)) {
    }
    return is_dead(the_arena(), watched[2]);
  });
  falls_asleep(sleeper);
  kill_child(second);
  CHECK(exit_status(sleeper) == 0);
  kill_child(first);
}

TEST_CASE("sleep_on: no more is watched than the kernel can, and the rest does no harm", "[detail][waiting]") {
  const FutexWord word{1};
  const std::vector<OwnerRef> watched(300, this_thread().owner);
  CHECK_FALSE(sleep_on(the_arena(), word, 1, watched, Deadline{Timeout(1ms)}));
}
