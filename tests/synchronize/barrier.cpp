// SPDX-License-Identifier: BSL-1.0
/// \file
/// Barrier: phases, and how they break.
#include <multiprocessing/synchronize/barrier.hpp>

#include "support/catch.hpp"
#include "synchronize/sleepers.hpp"

#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize/event.hpp>
#include <multiprocessing/synchronize/semaphore.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

constexpr int broke = 7;

/// What a wait comes to: an index, or `broke`.
int outcome(const mp::Barrier& barrier, mp::Timeout timeout = std::nullopt) {
  try {
    return barrier.wait(timeout);
  } catch (const mp::BrokenBarrierError&) {
    return broke;
  }
}

std::vector<Child> waiting(const mp::Barrier& barrier, int count) {
  std::vector<Child> children;
  const int before = barrier.n_waiting();
  for (int i = 0; i < count; ++i) {
    children.emplace_back([&] { return outcome(barrier); });
    REQUIRE(wait_until([&] { return barrier.n_waiting() == before + i + 1; }));
  }
  return children;
}

}  // namespace

TEST_CASE("a barrier lets its parties go when all are there", "[synchronize][barrier]") {
  const mp::Barrier barrier(3);
  CHECK(barrier.parties() == 3);
  CHECK(barrier.n_waiting() == 0);
  CHECK_FALSE(barrier.broken());
  auto children = waiting(barrier, 2);
  CHECK(barrier.n_waiting() == 2);
  std::set<int> indices{barrier.wait()};
  for (auto& each : children) indices.insert(each.join());
  CHECK(indices == std::set<int>{0, 1, 2});
  CHECK(barrier.n_waiting() == 0);
}

TEST_CASE("no party is a phase ahead of another", "[synchronize][barrier]") {
  constexpr int parties = 5, phases = 10;
  const mp::Barrier barrier(parties);
  const mp::Lock lock;
  const mp::Array<int> before(phases), after(phases);
  const auto party = [&] {
    for (int phase = 0; phase < phases; ++phase) {
      {
        const std::scoped_lock guard(lock);
        before[phase] += 1;
      }
      if (barrier.wait() >= parties) return 1;
      const std::scoped_lock guard(lock);
      if (before.at(phase) != parties) return 1;
      after[phase] += 1;
    }
    return 0;
  };
  std::vector<Child> children;
  for (int i = 0; i < parties - 1; ++i) children.emplace_back(party);
  CHECK(party() == 0);
  for (auto& each : children) CHECK(each.join() == 0);
  for (int phase = 0; phase < phases; ++phase) CHECK(after.at(phase) == parties);
}

TEST_CASE("threads pass a barrier a thousand times", "[synchronize][barrier][threads]") {
  const mp::Barrier barrier(3);
  std::vector<int> phase(3);  // each written by one thread, read by all between two waits
  std::atomic<int> errors{0};
  std::vector<std::thread> threads;
  for (std::size_t me = 0; me < 3; ++me)
    threads.emplace_back([&, me] {
      for (int i = 1; i <= 1000; ++i) {
        phase[me] = i;
        barrier.wait();
        for (const int each : phase) errors += each == i ? 0 : 1;
        barrier.wait();
      }
    });
  for (auto& each : threads) each.join();
  CHECK(errors == 0);
}

TEST_CASE("each phase gives each index once", "[synchronize][barrier][threads]") {
  const mp::Barrier barrier(4);
  std::array<std::atomic<int>, 4> seen{};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 200; ++n) ++seen.at(static_cast<std::size_t>(barrier.wait()));
    });
  for (auto& each : threads) each.join();
  for (const auto& each : seen) CHECK(each == 200);
}

TEST_CASE("more threads than parties pass in groups, also while an action runs", "[synchronize][barrier][threads]") {
  std::atomic<int> actions{0}, waits{0}, broken{0};
  const mp::Barrier barrier(2, [&] { ++actions; });
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&] {
      while (++waits <= 300) broken += outcome(barrier) == broke ? 1 : 0;
    });
  for (auto& each : threads) each.join();
  CHECK(actions == 150);
  CHECK(broken == 0);
}

TEST_CASE("one thread runs the action before any goes on", "[synchronize][barrier]") {
  const mp::RawValue<int> runs(0);
  const mp::Barrier barrier(3, [&] { runs.value = runs.value + 1; });
  std::vector<Child> children;
  for (int i = 0; i < 2; ++i)
    children.emplace_back([&] {
      barrier.wait();
      return runs.value == 1;
    });
  barrier.wait();
  CHECK(runs.value == 1);
  for (auto& each : children) CHECK(each.join() == 0);
}

TEST_CASE("an exception of the action reaches its thread and breaks the barrier for the others",
          "[synchronize][barrier]") {
  const mp::Barrier barrier(2, [] { throw std::invalid_argument("no"); });
  auto children = waiting(barrier, 1);
  CHECK_THROWS_AS(barrier.wait(), std::invalid_argument);
  CHECK(children[0].join() == broke);
  CHECK(barrier.broken());
  barrier.reset();
  CHECK_FALSE(barrier.broken());
}

TEST_CASE("the action may use its barrier", "[synchronize][barrier]") {
  const mp::Barrier* itself = nullptr;
  int waiting_then = 0;
  const mp::Barrier barrier(1, [&] {
    waiting_then = itself->n_waiting();
    itself->abort();
  });
  itself = &barrier;
  CHECK(outcome(barrier) == broke);
  CHECK(waiting_then == 1);
}

TEST_CASE("the time of an action is nobody's timeout", "[synchronize][barrier]") {
  const mp::Event in_action, go_on;
  const mp::Barrier barrier(2, [&] {
    in_action.set();
    go_on.wait();
  });
  Child impatient([&] { return outcome(barrier, 300ms); });
  REQUIRE(wait_until([&] { return barrier.n_waiting() == 1; }));
  Child last([&] { return outcome(barrier); });
  in_action.wait();
  std::this_thread::sleep_for(400ms);  // not to wait for anything: to let the first one's time pass
  CHECK_FALSE(barrier.broken());
  go_on.set();
  CHECK(impatient.join() == 0);
  CHECK(last.join() == 1);
}

TEST_CASE("abort breaks the barrier for all, for good", "[synchronize][barrier]") {
  const mp::Barrier barrier(4);
  auto children = waiting(barrier, 3);
  barrier.abort();
  for (auto& each : children) CHECK(each.join() == broke);
  CHECK(barrier.broken());
  CHECK(barrier.n_waiting() == 0);
  CHECK_THROWS_AS(barrier.wait(), mp::BrokenBarrierError);
  CHECK_THROWS_AS(barrier.wait(0s), mp::RuntimeError);
  CHECK_THROWS_WITH(barrier.wait(), contains("reset()"));
}

TEST_CASE("reset breaks the wait of those who wait, and the barrier is as new", "[synchronize][barrier]") {
  const mp::Barrier barrier(3);
  barrier.reset();  // nobody waits: nothing happens
  auto children = waiting(barrier, 2);
  barrier.reset();
  for (auto& each : children) CHECK(each.join() == broke);
  CHECK_FALSE(barrier.broken());
  children = waiting(barrier, 2);
  CHECK(barrier.wait() == 2);
  CHECK(children[0].join() + children[1].join() == 1);
}

TEST_CASE("abort and reset make a barrier whole again", "[synchronize][barrier]") {
  const mp::Barrier barrier(3);
  auto children = waiting(barrier, 2);
  barrier.abort();
  barrier.reset();  // at once: those who slept hear of it all the same
  for (auto& each : children) CHECK(each.join() == broke);
  children = waiting(barrier, 2);
  CHECK(barrier.wait() == 2);
  for (auto& each : children) CHECK(each.join() < 2);
}

TEST_CASE("resets in the middle of phases leave nobody behind", "[synchronize][barrier][threads]") {
  const mp::Barrier barrier(3);
  std::atomic<bool> stop{false};
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      while (!stop) passed += outcome(barrier) == 0 ? 1 : 0;
    });
  for (int i = 0; i < 200; ++i) {
    i % 2 == 0 ? barrier.reset() : barrier.abort();
    barrier.reset();
    std::this_thread::yield();
  }
  REQUIRE(wait_until([&, before = passed.load()] { return passed > before; }));
  stop = true;
  barrier.abort();
  for (auto& each : threads) each.join();
}

TEST_CASE("a wait whose time is up breaks the barrier", "[synchronize][barrier]") {
  const mp::Barrier barrier(3);
  auto children = waiting(barrier, 1);
  const auto start = std::chrono::steady_clock::now();
  CHECK_THROWS_WITH(barrier.wait(50ms), contains("timed out"));
  CHECK(std::chrono::steady_clock::now() - start >= 50ms);
  CHECK(barrier.broken());
  CHECK(children[0].join() == broke);
  for (const mp::Timeout timeout : {mp::Timeout(0s), mp::Timeout(-1s), mp::Timeout(false)}) {
    barrier.reset();
    CHECK(outcome(barrier, timeout) == broke);
    CHECK(barrier.broken());
  }
}

TEST_CASE("a barrier's own timeout is what a wait without one waits", "[synchronize][barrier]") {
  const mp::Barrier barrier(2, nullptr, 50ms);
  const auto start = std::chrono::steady_clock::now();
  CHECK_THROWS_AS(barrier.wait(), mp::BrokenBarrierError);
  CHECK(std::chrono::steady_clock::now() - start >= 50ms);
  barrier.reset();
  CHECK_THROWS_AS(barrier.wait(std::nullopt), mp::BrokenBarrierError);  // as Python's None
  barrier.reset();
  Child child([&] { return outcome(barrier, 20s); });
  CHECK(outcome(barrier, 20s) != broke);
  CHECK(child.join() != broke);
}

TEST_CASE("a barrier of one never waits", "[synchronize][barrier]") {
  const mp::Barrier barrier(1);
  CHECK(barrier.wait() == 0);
  CHECK(barrier.wait(0s) == 0);
}

TEST_CASE("parties have limits", "[synchronize][barrier]") {
  CHECK_THROWS_AS(mp::Barrier(0), mp::ValueError);
  CHECK_THROWS_AS(mp::Barrier(-1), mp::ValueError);
  CHECK_THROWS_AS(mp::Barrier(8192), mp::ValueError);
  CHECK(mp::Barrier(8191).parties() == 8191);
}

TEST_CASE("the text of a barrier is Python's without the address", "[synchronize][barrier]") {
  const mp::Barrier barrier(3);
  CHECK(text_of(barrier) == "<Barrier: waiters=0/3>");
  barrier.abort();
  CHECK(text_of(barrier) == "<Barrier: broken>");
}

TEST_CASE("row 18: when one who waits is killed, all hear of it, and reset revives", "[synchronize][barrier][death]") {
  const mp::Barrier barrier(5);
  const int victim = GENERATE(0, 1, 3);
  auto children = waiting(barrier, 4);
  CHECK(children[static_cast<std::size_t>(victim)].kill() == killed);
  for (int i = 0; i < 4; ++i)
    if (i != victim) CHECK(children[static_cast<std::size_t>(i)].join() == broke);
  CHECK(barrier.broken());
  barrier.reset();
  children = waiting(barrier, 4);
  CHECK(barrier.wait() == 4);
  for (auto& each : children) CHECK(each.join() < 4);
}

TEST_CASE("row 18: one who comes later hears of a death too", "[synchronize][barrier][death]") {
  const mp::Barrier barrier(3);
  auto children = waiting(barrier, 1);
  CHECK(children[0].kill() == killed);
  CHECK_THROWS_WITH(barrier.wait(), contains("has died"));
  barrier.reset();
  children = waiting(barrier, 1);
  CHECK(children[0].kill() == killed);
  CHECK(barrier.broken());
}

TEST_CASE("row 18: when the one that runs the action is killed, all hear of it", "[synchronize][barrier][death]") {
  const mp::Barrier barrier(3, [] { kill_myself(); });
  auto children = waiting(barrier, 2);
  CHECK(in_child([&] { barrier.wait(); }) == killed);
  for (auto& each : children) CHECK(each.join() == broke);
}

TEST_CASE("row 18: a killed last party has let all go, or none", "[synchronize][barrier][death]") {
  namespace detail = mp::detail;
  const auto state = detail::BarrierState::make(3);
  std::vector<Child> children;
  for (int i = 0; i < 2; ++i) {
    children.emplace_back(
        [&] { return static_cast<int>(detail::barrier::wait(detail::this_thread(), *state, {}, nullptr)); });
    children.back().asleep();
  }
  CHECK(in_child([&] {
          // As the last party up to its wake.
          const detail::ThreadIdentity& self = detail::this_thread();
          detail::MonitorGuard monitor(self, state->monitor);
          const detail::bell::RingAll ring(self, monitor, state->bell_of(0));
          detail::barrier::set(*state, detail::barrier::phase_of(*state).next(true));
          kill_myself();
        }) == killed);
  CHECK(children[0].join() + children[1].join() == 1);
}

TEST_CASE("row 19: one that is killed before it arrives is waited for as long as the timeout says",
          "[synchronize][barrier][death]") {
  const mp::Barrier barrier(2);
  CHECK(in_child([] { kill_myself(); }) == killed);
  CHECK(outcome(barrier, 50ms) == broke);
}
