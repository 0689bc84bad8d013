// SPDX-License-Identifier: BSL-1.0
/// \file
/// Semaphore and BoundedSemaphore: no death in them loses or invents a permit, or forgets who waits.
#include <multiprocessing/synchronize/semaphore.hpp>

#include "engine/registry.hpp"
#include "engine/storm.hpp"
#include "engine/sweep.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace {

namespace mp = multiprocessing;
using namespace kill_test;

/// Two permits, of which the victim and the holder may have one each.
template <class S, int Permits>
struct Permitted {
  void warm_up() { other.acquire(), other.release(); }
  void acquire() { semaphore.acquire(); }
  void acquire_all() {
    for (int i = 0; i < Permits; ++i) acquire();
  }
  void release() { semaphore.release(); }
  void release_all() {
    for (int i = 0; i < Permits; ++i) release();
  }
  void pair() { acquire(), release(); }
  void warm_acquire() { warm_up(), acquire_all(); }
  void release_acquire() { release_all(), acquire_all(); }
  void look() { semaphore.get_value(); }
  void try_it() {
    if (semaphore.acquire(std::chrono::milliseconds(2))) release();
  }
  void pass() {
    acquire();
    if (++inside > Permits) ++violations;
    --inside;
    release();
  }
  bool sane() const { return violations == 0 && semaphore.get_value() == Permits; }

  S semaphore{Permits}, other{Permits};
  std::atomic<int> inside{0}, violations{0};
};

template <class S>
bool add_semaphore(const std::string& name) {
  const auto add = [&name](const char* operation, Sweep<S> sweep) {
    sweep.name = name + "." + operation;
    if (!sweep.use) sweep.use = &S::pass;
    sweep.sane = &S::sane;
    Add{std::move(sweep)};
  };
  add("pair", {.prepare = &S::warm_up, .act = &S::pair});
  add("contended",
      {.hold = &S::acquire_all, .prepare = &S::warm_up, .act = &S::pair, .let_go = &S::release_all, .sleepers = 2});
  add("release_with_sleepers", {.prepare = &S::warm_acquire, .act = &S::release_all, .sleepers = 2});
  add("woken", {.hold = &S::acquire_all,
                .prepare = &S::warm_up,
                .act = &S::pair,
                .let_go = &S::release_all,
                .sleepers = 2,
                .from_wake = true});
  add("woken_and_overtaken", {.hold = &S::acquire_all,
                              .prepare = &S::warm_up,
                              .act = &S::pair,
                              .let_go = &S::release_acquire,
                              .afterwards = &S::release_all,
                              .sleepers = 2,
                              .from_wake = true});
  add("woken_by_death", {.hold = &S::acquire_all,
                         .prepare = &S::warm_up,
                         .act = &S::pair,
                         .sleepers = 2,
                         .holder_dies = true,
                         .from_wake = true});
  add("timed_out",
      {.hold = &S::acquire_all, .prepare = &S::warm_up, .act = &S::try_it, .let_go = &S::release_all, .sleepers = 2});
  add("timed_out_and_death",
      {.hold = &S::acquire_all, .prepare = &S::warm_up, .act = &S::try_it, .sleepers = 2, .holder_dies = true});
  add("recovery", {.prepare = &S::warm_acquire, .act = &S::release_all, .recover = &S::pair});
  add("recovery_with_sleepers",
      {.prepare = &S::warm_acquire, .act = &S::release_all, .recover = &S::pair, .sleepers = 2});
  add("recovery_by_get_value",
      {.prepare = &S::warm_acquire, .act = &S::release_all, .recover = &S::look, .sleepers = 2});
  return true;
}
const bool one = add_semaphore<Permitted<mp::Semaphore, 1>>("semaphore");
const bool two = add_semaphore<Permitted<mp::BoundedSemaphore, 2>>("bounded_semaphore_of_2");

/// Permits under a storm.
struct Permits {
  void work(Worker& worker) {
    worker.waits([this] { semaphore.acquire(); });
    exclusion.enter(worker);
    total = total + 1;
    exclusion.leave(worker);
    semaphore.release();
    worker.acknowledge();
  }
  std::uint64_t found() const { return total; }
  bool sane() const { return !exclusion.violated() && semaphore.get_value() == 1; }

  mp::Semaphore semaphore{1};
  Exclusion exclusion;
  volatile std::uint64_t total = 0;
};
const Add semaphore_storm{Storm<Permits>{
    .name = "semaphore.storm", .work = &Permits::work, .found = &Permits::found, .sane = &Permits::sane}};

}  // namespace
