// SPDX-License-Identifier: BSL-1.0
/// \file
/// Event: a flag, and who hears of it.
#include <multiprocessing/synchronize/event.hpp>

#include "support/catch.hpp"
#include "synchronize/sleepers.hpp"

#include <multiprocessing/sharedctypes.hpp>

#include <chrono>
#include <csignal>
#include <ctime>
#include <thread>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

const mp::Event global_event;

}  // namespace

TEST_CASE("an event is a flag that can be waited for", "[synchronize][event]") {
  const mp::Event event;
  CHECK_FALSE(event.is_set());
  CHECK_FALSE(event.wait(0s));
  CHECK_FALSE(event.wait(-1s));
  CHECK_FALSE(event.wait(false));
  const auto start = std::chrono::steady_clock::now();
  CHECK_FALSE(event.wait(30ms));
  CHECK(std::chrono::steady_clock::now() - start >= 30ms);
  event.set();
  CHECK(event.is_set());
  CHECK(event.wait());
  CHECK(event.wait(0s));
  event.set();
  CHECK(event.wait(-1s));
  event.clear();
  event.clear();
  CHECK_FALSE(event.is_set());
  CHECK_FALSE(event.wait(0s));
}

TEST_CASE("an event set in a child is set", "[synchronize][event]") {
  const mp::Event event;
  Child child([&] { event.set(); });
  CHECK(event.wait(20s));
  CHECK(child.join() == 0);
}

TEST_CASE("the text of an event says whether it is set", "[synchronize][event]") {
  const mp::Event event;
  CHECK(text_of(event) == "<Event unset>");
  event.set();
  CHECK(text_of(event) == "<Event set>");
}

TEST_CASE("set wakes all who wait, even if it is cleared at once", "[synchronize][event]") {
  const mp::Event event;
  std::vector<Child> sleepers;
  for (int i = 0; i < 5; ++i) sleepers.emplace_back([&] { return event.wait(20s); });
  for (auto& each : sleepers) each.asleep();
  event.set();
  event.clear();
  for (auto& each : sleepers) CHECK(each.join() == 0);
  CHECK_FALSE(event.is_set());
}

TEST_CASE("two that set and clear in turn never miss each other", "[synchronize][event]") {
  const mp::Event ping, pong;
  Child child([&] {
    for (int i = 0; i < 2000; ++i) {
      if (!ping.wait(20s)) return 1;
      ping.clear();
      pong.set();
    }
    return 0;
  });
  for (int i = 0; i < 2000; ++i) {
    ping.set();
    if (!pong.wait(20s)) FAIL("pong never came");
    pong.clear();
  }
  CHECK(child.join() == 0);
}

TEST_CASE("what came before set() is seen after wait()", "[synchronize][event][threads]") {
  for (int round = 0; round < 300; ++round) {
    const mp::Event event;
    int data = 0;
    std::thread reader([&] {
      event.wait();
      CHECK(data == 1);
    });
    data = 1;
    event.set();
    reader.join();
  }
}

TEST_CASE("what came before a set() of a set event is seen too", "[synchronize][event][threads]") {
  const mp::Event event, first, second;
  int data = 0;
  event.set();
  std::thread writer([&] {
    data = 1;
    event.set();
    first.set();
  });
  first.wait();
  CHECK(event.wait(0s));
  CHECK(data == 1);
  writer.join();
}

TEST_CASE("row 16: set is not held up by waiters that were killed", "[synchronize][event][death]") {
  const mp::Event event;
  std::vector<Child> sleepers;
  for (int i = 0; i < 4; ++i) sleepers.emplace_back([&] { return event.wait(20s); });
  for (auto& each : sleepers) each.asleep();
  CHECK(sleepers[0].kill() == killed);
  CHECK(sleepers[2].kill() == killed);
  event.set();
  CHECK(sleepers[1].join() == 0);
  CHECK(sleepers[3].join() == 0);
}

TEST_CASE("row 17: a setter that is killed between its store and its wake has woken all",
          "[synchronize][event][death]") {
  namespace detail = mp::detail;
  const bool cleared = GENERATE(false, true);
  const auto state = detail::SharedRef<detail::EventState>::make(detail::ObjectKind::other, 0,
                                                                 [](void* at) { return new (at) detail::EventState; });
  std::vector<Child> sleepers;
  for (int i = 0; i < 3; ++i)
    sleepers.emplace_back([&] { return detail::event::wait(detail::this_thread(), *state, 20s); });
  for (auto& each : sleepers) each.asleep();
  CHECK(in_child([&] {
          // As set() up to its system call.
          const detail::PendingGuard pending(detail::this_thread(), state->word);
          std::uint32_t seen = state->word;
          state->word.compare_exchange_strong(seen, seen & detail::word_waiters);
          if (cleared) detail::event::clear(*state);  // by another, before the kernel looks at the word
          kill_myself();
        }) == killed);
  for (auto& each : sleepers) CHECK(each.join() == 0);
  CHECK(detail::event::is_set(state->word) == !cleared);
}

TEST_CASE("copies of an event are one", "[synchronize][event]") {
  const mp::Event event;
  const std::vector<mp::Event> copies(2, event);
  copies[0].set();
  CHECK(copies[1].is_set());
  CHECK(event == copies[1]);
  CHECK_FALSE(event == mp::Event());
}

// Lost, each would be found 150 ms later: so often that takes longer than a child may run.
TEST_CASE("a signal handler may set an event at any instruction of its thread", "[synchronize][event]") {
  const auto work = [] {
    std::signal(SIGUSR1, [](int) { global_event.set(); });
    ::timer_t timer{};
    sigevent kind{};
    kind.sigev_notify = SIGEV_SIGNAL;
    kind.sigev_signo = SIGUSR1;
    if (::timer_create(CLOCK_MONOTONIC, &kind, &timer) != 0) return false;
    for (int i = 0; i < 2000; ++i) {
      global_event.clear();
      const itimerspec soon{{}, {0, 1 + i * 50L}};  // while it is about to wait, looks, or sleeps
      ::timer_settime(timer, 0, &soon, nullptr);
      if (!global_event.wait()) return false;
    }
    return true;
  };
  CHECK(in_child(work) == 0);
}
