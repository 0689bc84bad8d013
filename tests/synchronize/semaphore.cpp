// SPDX-License-Identifier: BSL-1.0
/// \file
/// Semaphore and BoundedSemaphore: permits, and whose come back.
#include <multiprocessing/synchronize/semaphore.hpp>

#include "process/program.hpp"
#include "support/catch.hpp"
#include "synchronize/sleepers.hpp"

#include <multiprocessing/process.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize/lock.hpp>
#include <multiprocessing/text.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

TEST_CASE("a semaphore has as many permits as it began with", "[synchronize][semaphore]") {
  const mp::Semaphore semaphore(2);
  CHECK(semaphore.get_value() == 2);
  CHECK(semaphore.acquire());
  CHECK(semaphore.get_value() == 1);
  CHECK_FALSE(semaphore.locked());
  CHECK(semaphore.acquire());
  CHECK(semaphore.locked());
  CHECK_FALSE(semaphore.acquire(false));
  semaphore.release();
  CHECK(semaphore.get_value() == 1);
  semaphore.release();
  CHECK(semaphore.get_value() == 2);
  CHECK(in_child([&] { return semaphore.get_value(); }) == 2);
}

TEST_CASE("a semaphore may be released beyond its beginning, a bounded one may not", "[synchronize][semaphore]") {
  const mp::Semaphore semaphore;
  semaphore.release();
  semaphore.release(3);
  CHECK(semaphore.get_value() == 5);
  const mp::BoundedSemaphore bounded(2);
  CHECK_THROWS_AS(bounded.release(), mp::ValueError);
  CHECK_THROWS_WITH(bounded.release(), contains("semaphore or lock released too many times"));
  CHECK(bounded.acquire());
  CHECK_THROWS_AS(bounded.release(2), mp::ValueError);
  CHECK(bounded.get_value() == 1);
  bounded.release();
  CHECK(bounded.get_value() == 2);
}

TEST_CASE("counts that make no sense are refused", "[synchronize][semaphore]") {
  CHECK_THROWS_AS(mp::Semaphore(-1), mp::ValueError);
  CHECK_THROWS_AS(mp::BoundedSemaphore(-1), mp::ValueError);
  CHECK_THROWS_AS(mp::Semaphore(1u << 31), mp::ValueError);
  const mp::Semaphore semaphore(2147483647);
  CHECK_THROWS_AS(semaphore.release(), mp::ValueError);
  CHECK_THROWS_AS(semaphore.release(0), mp::ValueError);
  CHECK_THROWS_AS(semaphore.release(-1), mp::ValueError);
  CHECK(semaphore.get_value() == 2147483647);
  CHECK(mp::Semaphore(0).get_value() == 0);
}

TEST_CASE("the text of a semaphore is Python's", "[synchronize][semaphore]") {
  CHECK(text_of(mp::Semaphore()) == "<Semaphore(value=1)>");
  const mp::BoundedSemaphore bounded(3);
  bounded.acquire();
  CHECK(text_of(bounded) == "<BoundedSemaphore(value=2, maxvalue=3)>");
  bounded.release();
}

TEST_CASE("release(n) lets n sleepers in", "[synchronize][semaphore]") {
  const mp::Semaphore semaphore(0), in(0);
  std::vector<Child> sleepers;
  for (int i = 0; i < 5; ++i)
    sleepers.emplace_back([&] {
      semaphore.acquire();
      in.release();
    });
  for (auto& each : sleepers) each.asleep();
  semaphore.release(3);
  for (int i = 0; i < 3; ++i) CHECK(in.acquire(20s));
  CHECK_FALSE(in.acquire(20ms));
  semaphore.release(1);
  CHECK(in.acquire(20s));
  semaphore.release(1);
  CHECK(in.acquire(20s));
  for (auto& each : sleepers) CHECK(each.join() == 0);
  CHECK(semaphore.get_value() == 0);
}

TEST_CASE("never more hold a semaphore than it has permits", "[synchronize][semaphore][threads]") {
  const mp::Semaphore semaphore(3);
  std::atomic<int> inside{0}, most{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 300; ++n) {
        semaphore.acquire();
        const int now = ++inside;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        --inside;
        semaphore.release();
      }
    });
  for (auto& each : threads) each.join();
  CHECK(most <= 3);
  CHECK(semaphore.get_value() == 3);
}

TEST_CASE("row 11: a killed holder's permits come back, and only its", "[synchronize][semaphore][death]") {
  const mp::Semaphore semaphore(5);
  semaphore.acquire();
  CHECK(in_child([&] {
          for (int i = 0; i < 4; ++i) semaphore.acquire();
          semaphore.release();
          kill_myself();
        }) == killed);
  CHECK(semaphore.get_value() == 4);
  semaphore.release();
  CHECK(semaphore.get_value() == 5);
}

TEST_CASE("row 11: all who sleep come in by the permits of one that was killed", "[synchronize][semaphore][death]") {
  const mp::Semaphore semaphore(2), in(0);
  const mp::Semaphore held(0);
  Child holder([&] {
    semaphore.acquire(), semaphore.acquire();
    held.release();
    for (;;) ::pause();
  });
  held.acquire();
  std::vector<Child> sleepers;
  for (int i = 0; i < 3; ++i)
    sleepers.emplace_back([&] {
      semaphore.acquire();
      in.release();
      for (;;) ::pause();
    });
  for (auto& each : sleepers) each.asleep();
  CHECK(holder.kill() == killed);
  CHECK(in.acquire(20s));
  CHECK(in.acquire(20s));
  CHECK_FALSE(in.acquire(20ms));
  int dead = 0;
  for (auto& each : sleepers) dead += each.kill() == killed ? 1 : 0;
  CHECK(dead == 3);
  CHECK(semaphore.get_value() == 2);
}

TEST_CASE("row 12: after a recovery a bounded semaphore absorbs the release of what came back",
          "[synchronize][semaphore][death]") {
  const mp::BoundedSemaphore bounded(2);
  CHECK(in_child([&] {
          bounded.acquire();
          kill_myself();
        }) == killed);
  CHECK(bounded.get_value() == 2);
  bounded.release();  // on behalf of the dead: absorbed
  CHECK(bounded.get_value() == 2);
  CHECK_THROWS_AS(bounded.release(), mp::ValueError);  // but once
  CHECK(bounded.get_value() == 2);
}

TEST_CASE("a release that nobody restored a permit for is not absorbed", "[synchronize][semaphore][death]") {
  // One of the dead's permits was already put to use when it died; what its user releases must count.
  const mp::Semaphore empty(4);
  CHECK(in_child([&] {
          empty.acquire(), empty.acquire(), empty.acquire();
          kill_myself();
        }) == killed);
  CHECK(empty.get_value() == 4);
  CHECK(in_child([&] {
          empty.acquire();
          std::exit(0);
        }) == 0);
  CHECK(empty.get_value() == 3);
  empty.release();  // for the one that ended in order: below the capacity, so it is not one that came back
  CHECK(empty.get_value() == 4);
  empty.release(2);  // for two of the dead's
  CHECK(empty.get_value() == 4);
}

TEST_CASE("a semaphore that another releases is a signal, whose dead give nothing back",
          "[synchronize][semaphore][death]") {
  const mp::Semaphore signal(0);
  signal.release(3);
  CHECK(in_child([&] {
          signal.acquire();
          kill_myself();
        }) == killed);
  CHECK(signal.get_value() == 2);
  const mp::Semaphore resource(3);
  Child holder([&] {
    resource.acquire(), resource.acquire();
    for (;;) ::pause();
  });
  CHECK(wait_until([&] { return resource.get_value() == 1; }));
  resource.release();  // from now on it is a signal
  CHECK(resource.get_value() == 2);
  CHECK(holder.kill() == killed);
  CHECK(resource.get_value() == 2);
}

TEST_CASE("who ends in order takes its permits with it", "[synchronize][semaphore]") {
  const mp::Semaphore semaphore(8);
  std::thread([&] { semaphore.acquire(); }).join();
  CHECK(semaphore.get_value() == 7);
  CHECK(in_child([&] {
          semaphore.acquire();
          std::exit(0);
        }) == 0);
  CHECK(semaphore.get_value() == 6);
  semaphore.acquire();  // now this process's main thread has used it too
  CHECK(semaphore.get_value() == 5);
  CHECK(in_child([&] {
          std::thread([&] { semaphore.acquire(); }).join();
          semaphore.acquire();
          std::exit(0);
        }) == 0);
  CHECK(semaphore.get_value() == 3);
  CHECK(in_child([&] {
          semaphore.acquire();
          ::_exit(0);  // not in order: nobody was told
        }) == 0);
  CHECK(semaphore.get_value() == 3);
  semaphore.release();
  CHECK(semaphore.get_value() == 4);
}

TEST_CASE("a Process that returns keeps its permit, and one that was killed does not", "[synchronize][semaphore]") {
  const auto outcome = run_program([] {
    const mp::Semaphore semaphore(3);
    semaphore.acquire();
    mp::Process keeps([semaphore] { semaphore.acquire(); });
    keeps.start();
    keeps.join();
    mp::print(semaphore.get_value());
    mp::Process dies([semaphore] {
      semaphore.acquire();
      kill_myself();
    });
    dies.start();
    dies.join();
    mp::print(semaphore.get_value());
  });
  CHECK(outcome.status == 0);
  CHECK(outcome.out == "1\n1\n");
}

TEST_CASE("beyond 126 holders a semaphore goes on as a signal", "[synchronize][semaphore][threads]") {
  const mp::Semaphore semaphore(150), done(0), all(0);
  std::vector<std::thread> threads;
  for (int i = 0; i < 140; ++i)
    threads.emplace_back([&] {
      semaphore.acquire();
      all.release();
      done.acquire();
      semaphore.release();
    });
  for (int i = 0; i < 140; ++i) CHECK(all.acquire(20s));
  CHECK(semaphore.get_value() == 10);
  done.release(140);
  for (auto& each : threads) each.join();
  CHECK(semaphore.get_value() == 150);
}

TEST_CASE("any number of threads may take turns with a resource", "[synchronize][semaphore][threads][death]") {
  // More than there is room for, but each holds something only for a moment: so it stays a resource.
  const mp::Semaphore semaphore(2), used(0), done(0);
  std::vector<std::thread> threads;
  for (int i = 0; i < 140; ++i)
    threads.emplace_back([&] {
      semaphore.acquire();
      semaphore.release();
      used.release();
      done.acquire();
      semaphore.acquire();
      semaphore.release();
    });
  for (int i = 0; i < 140; ++i) CHECK(used.acquire(20s));
  done.release(140);  // now all take turns at once
  for (auto& each : threads) each.join();
  CHECK(semaphore.get_value() == 2);
  CHECK(in_child([&] {
          semaphore.acquire();
          kill_myself();
        }) == killed);
  CHECK(semaphore.get_value() == 2);
}

TEST_CASE("permits that were kept take no room from holders", "[synchronize][semaphore][threads][death]") {
  const mp::Semaphore semaphore(200);
  for (int i = 0; i < 130; ++i) std::thread([&] { semaphore.acquire(); }).join();
  CHECK(semaphore.get_value() == 70);
  CHECK(in_child([&] {
          semaphore.acquire();
          kill_myself();
        }) == killed);
  CHECK(semaphore.get_value() == 70);
}

TEST_CASE("no permit is lost or made, however many race for them", "[synchronize][semaphore][threads]") {
  constexpr int permits = 5;
  const bool signal = GENERATE(false, true);
  CAPTURE(signal);
  const mp::Semaphore semaphore(permits);
  const mp::Value<int> held(0), most(0);
  const mp::Lock counted;
  if (signal) semaphore.release(), semaphore.acquire();
  const auto count = [&](int change) {
    const std::scoped_lock guard(counted);
    held.set(held.get() + change);
    if (held.get() > most.get()) most.set(held.get());
  };
  const auto race = [&] {
    std::vector<std::thread> threads;
    for (int number = 0; number < 3; ++number)
      threads.emplace_back([&, number] {
        for (int i = 0; i < 3000; ++i) {
          semaphore.acquire();
          int mine = 1;
          while (mine < 1 + (i + number) % 3 && semaphore.acquire(false)) ++mine;
          if (i % 16 == 0) count(mine), count(-mine);
          if (i % 2 == 0) {
            semaphore.release(mine);
          } else {
            while (mine-- > 0) semaphore.release();
          }
        }
      });
    for (auto& each : threads) each.join();
  };
  std::vector<Child> children;
  for (int i = 0; i < 2; ++i) children.emplace_back(race);
  race();
  for (auto& each : children) CHECK(each.join() == 0);
  CHECK(most.get() <= permits);
  CHECK(held.get() == 0);
  CHECK(semaphore.get_value() == permits);
  for (int i = 0; i < permits; ++i) CHECK(semaphore.acquire(false));
  CHECK_FALSE(semaphore.acquire(false));
}

TEST_CASE("a producer that was killed gives back no room that its items take", "[synchronize][semaphore][death]") {
  const mp::Semaphore empty(2), full(0);
  empty.acquire(), full.release();  // an item
  CHECK(in_child([&] {
          full.acquire(), empty.release();  // consumed by another: from now on `empty` is a signal
        }) == 0);
  CHECK(in_child([&] {
          for (int i = 0; i < 2; ++i) empty.acquire(), full.release();
          kill_myself();
        }) == killed);
  CHECK_FALSE(empty.acquire(false));
  for (int i = 0; i < 2; ++i) {
    CHECK(full.acquire(false));
    empty.release();
  }
  CHECK_FALSE(full.acquire(false));
  CHECK(empty.get_value() == 2);
}

TEST_CASE("a bounded buffer never overflows, whenever producers are killed", "[synchronize][semaphore][death]") {
  constexpr int room = 4, kills = 12;
  const mp::Semaphore empty(room), full(0);
  const auto produce = [&] {
    for (;;) empty.acquire(), full.release();
  };
  empty.release(), empty.acquire();  // a signal
  int lost = 0;
  for (int round = 0; round < kills; ++round) {
    Child first(produce), second(produce);
    for (int i = 0; i < 60; ++i) {
      if (!full.acquire(500ms)) {
        // A kill may take a permit with it, which nothing but the program can give back; it does so when nothing moves.
        REQUIRE(lost > 0);
        --lost;
      }
      empty.release();
      const int items = full.get_value();
      if (items > room) FAIL("there are " << items << " items in a buffer for " << room);
    }
    CHECK(first.kill() == killed);
    CHECK(second.kill() == killed);
    lost += 2;
  }
  while (full.acquire(false)) empty.release();
  CHECK(empty.get_value() <= room);
}
