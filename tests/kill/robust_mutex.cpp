// SPDX-License-Identifier: BSL-1.0
/// \file
/// RobustMutex: what the arena's own records are guarded by, with two sleepers that must be woken, by a look of their
/// own at the latest.
#include <multiprocessing/detail/os/robust_mutex.hpp>

#include "engine/registry.hpp"
#include "engine/storm.hpp"
#include "engine/sweep.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

namespace {

using multiprocessing::detail::RobustMutex;
using namespace kill_test;

struct Guarded {
  Guarded() { mutex.init(); }
  bool acquire() {
    if (mutex.lock() != RobustMutex::Result::owner_died) return false;
    inside = 0;
    mutex.consistent();
    return true;
  }
  void hold() { acquire(); }
  void release() { mutex.unlock(); }
  void pair() { acquire(), release(); }
  void release_acquire() { release(), acquire(); }
  void pass() {
    acquire();
    if (inside++ != 0) ++violations;
    --inside;
    release();
  }
  bool sane() { return acquire(), release(), violations == 0; }

  void add_one(Worker& worker) {
    worker.waits([&] {
      if (acquire()) worker.recovered();
    });
    exclusion.enter(worker);
    total = total + 1;
    exclusion.leave(worker);
    release();
    worker.acknowledge();
  }
  std::uint64_t found() const { return total; }
  bool excluded() const { return !exclusion.violated(); }

  RobustMutex mutex;
  std::atomic<int> inside{0}, violations{0};
  Exclusion exclusion;
  volatile std::uint64_t total = 0;
};

bool add_scenarios() {
  using S = Guarded;
  const auto add = [](const char* operation, Sweep<S> sweep) {
    sweep.name = std::string("robust_mutex.") + operation;
    sweep.use = &S::pass;
    sweep.sane = &S::sane;
    sweep.slow = 250 * millisecond;
    Add{std::move(sweep)};
  };
  add("pair", {.act = &S::pair});
  add("contended", {.hold = &S::hold, .act = &S::pair, .let_go = &S::release, .sleepers = 2});
  add("woken", {.hold = &S::hold, .act = &S::pair, .let_go = &S::release, .sleepers = 2, .from_wake = true});
  add("woken_and_overtaken", {.hold = &S::hold,
                              .act = &S::pair,
                              .let_go = &S::release_acquire,
                              .afterwards = &S::release,
                              .sleepers = 2,
                              .from_wake = true});
  add("woken_by_death", {.hold = &S::hold, .act = &S::pair, .sleepers = 2, .holder_dies = true, .from_wake = true});
  Add{Storm<S>{.name = "robust_mutex.storm", .work = &S::add_one, .found = &S::found, .sane = &S::excluded}};
  return true;
}
const bool added = add_scenarios();

}  // namespace
