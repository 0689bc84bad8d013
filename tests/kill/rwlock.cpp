// SPDX-License-Identifier: BSL-1.0
/// \file
/// RWLock: a dead reader or writer keeps nobody out.
#include <multiprocessing/synchronize/rwlock.hpp>

#include "engine/registry.hpp"
#include "engine/storm.hpp"
#include "engine/sweep.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <utility>

namespace {

namespace mp = multiprocessing;
using namespace kill_test;

struct ReadAndWritten {
  void warm_up() { other.acquire(), other.release(), other.acquire_shared(), other.release_shared(); }
  void write() { lock.acquire(); }
  void end_write() { lock.release(); }
  void read() { lock.acquire_shared(); }
  void end_read() { lock.release_shared(); }
  void write_pair() { write(), end_write(); }
  void read_pair() { read(), end_read(); }
  void warm_write() { warm_up(), write(); }
  void warm_read() { warm_up(), read(); }
  void write_a_little() {
    if (lock.acquire(std::chrono::milliseconds(2))) lock.release();
  }
  void pass() {
    if (turn++ % 2 == 0) {
      const std::shared_lock guard(lock);
      if (writers != 0) ++violations;
    } else {
      const std::scoped_lock guard(lock);
      if (writers++ != 0) ++violations;
      --writers;
    }
  }
  bool sane() {
    if (violations != 0 || !lock.acquire(false)) return false;
    lock.release();
    return !lock.owner_died();
  }
  mp::RWLock lock, other;
  std::atomic<int> turn{0}, writers{0}, violations{0};
};
using R = ReadAndWritten;
bool add_rwlock() {
  const auto add = [](const char* operation, Sweep<R> sweep) {
    sweep.name = std::string("rwlock.") + operation;
    if (!sweep.use) sweep.use = &R::pass;
    sweep.sane = &R::sane;
    Add{std::move(sweep)};
  };
  add("write", {.prepare = &R::warm_up, .act = &R::write_pair});
  add("read", {.prepare = &R::warm_up, .act = &R::read_pair});
  add("end_write", {.prepare = &R::warm_write, .act = &R::end_write, .sleepers = 3});
  add("end_read", {.prepare = &R::warm_read, .act = &R::end_read, .use = &R::write_pair, .sleepers = 3});
  add("write_woken", {.hold = &R::write,
                      .prepare = &R::warm_up,
                      .act = &R::write_pair,
                      .let_go = &R::end_write,
                      .sleepers = 3,
                      .from_wake = true});
  add("read_woken", {.hold = &R::write,
                     .prepare = &R::warm_up,
                     .act = &R::read_pair,
                     .let_go = &R::end_write,
                     .sleepers = 3,
                     .from_wake = true});
  add("write_woken_by_reader", {.hold = &R::read,
                                .prepare = &R::warm_up,
                                .act = &R::write_pair,
                                .let_go = &R::end_read,
                                .sleepers = 3,
                                .from_wake = true});
  add("write_woken_by_death", {.hold = &R::read,
                               .prepare = &R::warm_up,
                               .act = &R::write_pair,
                               .sleepers = 3,
                               .holder_dies = true,
                               .from_wake = true});
  add("read_woken_by_death", {.hold = &R::write,
                              .prepare = &R::warm_up,
                              .act = &R::read_pair,
                              .sleepers = 3,
                              .holder_dies = true,
                              .from_wake = true});
  add("write_contended",
      {.hold = &R::write, .prepare = &R::warm_up, .act = &R::write_pair, .let_go = &R::end_write, .sleepers = 3});
  add("read_contended",
      {.hold = &R::write, .prepare = &R::warm_up, .act = &R::read_pair, .let_go = &R::end_write, .sleepers = 3});
  add("write_timed_out",
      {.hold = &R::write, .prepare = &R::warm_up, .act = &R::write_a_little, .let_go = &R::end_write, .sleepers = 3});
  add("recovery", {.prepare = &R::warm_write, .act = &R::end_write, .recover = &R::write_pair, .sleepers = 3});
  return true;
}
const bool rwlock_added = add_rwlock();

/// Two numbers that only a writer moves, one after the other.
struct Twins {
  void work(Worker& worker) {
    if (worker.random()() % 4 == 0) {
      worker.waits([this] { lock.acquire(); });
      if (lock.owner_died()) {
        worker.recovered();
        second = first;
      }
      exclusion.enter(worker);
      first = first + 1;
      second = second + 1;
      exclusion.leave(worker);
      lock.release();
      worker.acknowledge();
    } else {
      worker.waits([this] { lock.acquire_shared(); });
      if (!lock.owner_died() && first != second) ++torn;
      lock.release_shared();
      worker.progress();
    }
  }
  std::uint64_t found() const { return first; }
  bool sane() const { return !exclusion.violated() && torn == 0; }

  mp::RWLock lock;
  Exclusion exclusion;
  volatile std::uint64_t first = 0, second = 0;
  std::atomic<int> torn{0};
};
const Add rwlock_storm{
    Storm<Twins>{.name = "rwlock.storm", .work = &Twins::work, .found = &Twins::found, .sane = &Twins::sane}};

}  // namespace
