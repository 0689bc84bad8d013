// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/robust_mutex.hpp>

#include "support/catch.hpp"
#include "support/outside.hpp"

#include <multiprocessing/detail/os/futex.hpp>
#include <multiprocessing/detail/os/robust_list.hpp>

#include <array>
#include <optional>

using namespace multiprocessing::detail;
using Result = RobustMutex::Result;

namespace {

/// Ends a child while it holds `mutex`.
void die_holding(RobustMutex& mutex) {
  REQUIRE(in_child([&] { mutex.lock(); }) == 0);
}

}  // namespace

TEST_CASE("RobustMutex: is taken once, by one", "[detail][robust_mutex]") {
  Outside<RobustMutex> mutex;
  mutex->init();
  CHECK(mutex->lock() == Result::taken);
  CHECK(in_child([&] { return mutex->try_lock() == Result::busy; }) == 0);
  mutex->unlock();
  CHECK(in_child([&] {
          const bool taken = mutex->try_lock() == Result::taken;
          mutex->unlock();
          return taken;
        }) == 0);
}

TEST_CASE("RobustMutex: the one after a dead owner is told, until it is consistent", "[detail][robust_mutex]") {
  Outside<RobustMutex> mutex;
  mutex->init();
  die_holding(*mutex);
  CHECK(token_owner(mutex->word().load()) == 0);
  CHECK(in_child([&] { return mutex->lock() == Result::owner_died; }) == 0);  // dies before consistent()
  CHECK(mutex->try_lock() == Result::owner_died);
  mutex->consistent();
  mutex->unlock();
  CHECK(mutex->lock() == Result::taken);
  mutex->unlock();
}

TEST_CASE("RobustMutex: its word names the living owner, and a token tells life from death", "[detail][robust_mutex]") {
  Outside<RobustMutex> mutex;
  mutex->init();
  CHECK_FALSE(token_lives(mutex->word().load()));
  mutex->lock();
  mutex->ask_for_wake();
  CHECK(token_owner(mutex->word().load()) == this_thread_id());
  CHECK(token_lives(mutex->word().load()));
  mutex->unlock();
  CHECK_FALSE(token_lives(mutex->word().load()));
  CHECK_FALSE(token_lives(FUTEX_OWNER_DIED | 77));
  CHECK_FALSE(token_lives(FUTEX_WAITERS));
}

TEST_CASE("RobustMutex: who sleeps on the word is woken by the owner's death", "[detail][robust_mutex]") {
  Outside<RobustMutex> mutex;
  mutex->init();
  Steps steps;
  const pid_t owner = start_child([&] {
    mutex->lock();
    mutex->ask_for_wake();
    steps.reach(1);
    for (;;) ::pause();
  });
  REQUIRE(steps.await(1));
  const std::uint32_t value = mutex->word().load();
  const pid_t sleeper = start_child([&] {
    return futex_wait(std::array{Sleep{&mutex->word(), value}},
                      std::chrono::steady_clock::now() + std::chrono::seconds(20));
  });
  falls_asleep(sleeper);
  kill_child(owner);
  CHECK(exit_status(sleeper) == 0);
}

TEST_CASE("RobustGuard: repairs after a death, and again if the repairer dies", "[detail][robust_mutex]") {
  Outside<RobustMutex> mutex;
  mutex->init();
  die_holding(*mutex);
  CHECK(in_child([&] { const RobustGuard guard(*mutex, [] { ::_exit(7); }); }) == 7);
  int repairs = 0;
  {
    const RobustGuard guard(*mutex, [&] { ++repairs; });
    CHECK(in_child([&] { return mutex->try_lock() == Result::busy; }) == 0);
  }
  {
    const RobustGuard guard(*mutex, [&] { ++repairs; });
  }
  CHECK(repairs == 1);
}
