// SPDX-License-Identifier: BSL-1.0
/// \file
/// Lock and RLock: nobody who dies in them, and nobody who dies cleaning up after that, stops the others.
#include <multiprocessing/synchronize/lock.hpp>
#include <multiprocessing/synchronize/rlock.hpp>

#include "engine/registry.hpp"
#include "engine/storm.hpp"
#include "engine/sweep.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <sstream>
#include <string>
#include <utility>

namespace {

namespace mp = multiprocessing;
using namespace kill_test;

/// A lock, and what finds two owners of it.
template <class L>
struct Locked {
  /// What a thread's first use of the library costs is a scenario of its own (first_use).
  void warm_up() { other.acquire(), other.release(); }
  void acquire() { lock.acquire(); }
  void release() { lock.release(); }
  void pair() { acquire(), release(); }
  void warm_acquire() { warm_up(), acquire(); }
  void nested_pair() { acquire(), pair(), release(); }
  void release_acquire() { release(), acquire(); }
  void pass() {
    acquire();
    if (inside++ != 0) ++violations;
    --inside;
    release();
  }
  void release_if_mine() {
    std::ostringstream text;
    text << lock;
    if (text.str().find("process " + std::to_string(::getpid()) + " ") != std::string::npos) release();
  }
  bool sane() const { return violations == 0 && !lock.locked() && !lock.owner_died(); }

  L lock, other;
  std::atomic<int> inside{0}, violations{0};
};

/// A total kept under a lock, added to by workers.
template <class L>
struct Counted {
  void add_one(Worker& worker) {
    worker.waits([this] { lock.acquire(); });
    if (lock.owner_died()) worker.recovered();
    exclusion.enter(worker);
    total = total + 1;
    exclusion.leave(worker);
    lock.release();
    worker.acknowledge();
  }
  void end_as_owner(Worker& worker) {
    worker.waits([this] { lock.acquire(); });
    worker.progress();
  }
  std::uint64_t found() const { return total; }
  bool sane() const { return !exclusion.violated(); }

  L lock;
  Exclusion exclusion;
  volatile std::uint64_t total = 0;
};

template <class L>
bool add_scenarios(const std::string& name) {
  using S = Locked<L>;
  const auto add = [&name](const char* operation, Sweep<S> sweep) {
    sweep.name = name + "." + operation;
    if (!sweep.use) sweep.use = &S::pass;
    sweep.sane = &S::sane;
    Add{std::move(sweep)};
  };
  add("pair", {.prepare = &S::warm_up, .act = &S::pair});
  add("first_use", {.act = &S::pair});
  add("contended",
      {.hold = &S::acquire, .prepare = &S::warm_up, .act = &S::pair, .let_go = &S::release, .sleepers = 2});
  add("release_with_sleepers", {.prepare = &S::warm_acquire, .act = &S::release, .sleepers = 2});
  add("woken", {.hold = &S::acquire,
                .prepare = &S::warm_up,
                .act = &S::pair,
                .let_go = &S::release,
                .sleepers = 2,
                .from_wake = true});
  add("woken_and_overtaken", {.hold = &S::acquire,
                              .prepare = &S::warm_up,
                              .act = &S::pair,
                              .let_go = &S::release_acquire,
                              .afterwards = &S::release,
                              .sleepers = 2,
                              .from_wake = true});
  add("woken_by_death", {.hold = &S::acquire,
                         .prepare = &S::warm_up,
                         .act = &S::pair,
                         .sleepers = 2,
                         .holder_dies = true,
                         .from_wake = true});
  add("recovery", {.prepare = &S::warm_acquire, .act = &S::release, .recover = &S::pair});
  add("recovery_with_sleepers", {.prepare = &S::warm_acquire, .act = &S::release, .recover = &S::pair, .sleepers = 2});

  using C = Counted<L>;
  Add{Storm<C>{.name = name + ".storm", .work = &C::add_one, .found = &C::found, .sane = &C::sane}};
  Add{Storm<C>{.name = name + ".storm_of_ending_threads",
               .work = &C::add_one,
               .leave = &C::end_as_owner,
               .found = &C::found,
               .sane = &C::sane,
               .workers = 3,
               .threads = 2}};
  return true;
}

const bool lock_added = add_scenarios<mp::Lock>("lock");
const bool rlock_added = add_scenarios<mp::RLock>("rlock");

// Anybody may release a Lock: whoever does dies, and its owner, whose death the sleepers would see, lives.
const Add lock_released_by_another{Sweep<Locked<mp::Lock>>{
    .name = "lock.released_by_another",
    .hold = &Locked<mp::Lock>::acquire,
    .prepare = &Locked<mp::Lock>::warm_up,
    .act = &Locked<mp::Lock>::release,
    .let_go = &Locked<mp::Lock>::release_if_mine,
    .use = &Locked<mp::Lock>::pass,
    .sane = &Locked<mp::Lock>::sane,
    .sleepers = 2,
}};

const Add rlock_nested{Sweep<Locked<mp::RLock>>{
    .name = "rlock.nested_pair",
    .prepare = &Locked<mp::RLock>::warm_up,
    .act = &Locked<mp::RLock>::nested_pair,
    .use = &Locked<mp::RLock>::pass,
    .sane = &Locked<mp::RLock>::sane,
}};

}  // namespace
