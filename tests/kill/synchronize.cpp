// SPDX-License-Identifier: BSL-1.0
/// \file
/// Semaphore, Condition, Event, Barrier, RWLock: who dies in one of their operations stops nobody, and loses no permit and no
/// notification.
#include <multiprocessing/synchronize.hpp>

#include "engine/registry.hpp"
#include "engine/storm.hpp"
#include "engine/sweep.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
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
  add("contended", {.hold = &S::acquire_all, .prepare = &S::warm_up, .act = &S::pair, .let_go = &S::release_all, .sleepers = 2});
  add("release_with_sleepers", {.prepare = &S::warm_acquire, .act = &S::release_all, .sleepers = 2});
  add("woken", {.hold = &S::acquire_all, .prepare = &S::warm_up, .act = &S::pair, .let_go = &S::release_all, .sleepers = 2, .from_wake = true});
  add("woken_and_overtaken", {.hold = &S::acquire_all, .prepare = &S::warm_up, .act = &S::pair, .let_go = &S::release_acquire,
                              .afterwards = &S::release_all, .sleepers = 2, .from_wake = true});
  add("woken_by_death", {.hold = &S::acquire_all, .prepare = &S::warm_up, .act = &S::pair, .sleepers = 2, .holder_dies = true, .from_wake = true});
  add("timed_out", {.hold = &S::acquire_all, .prepare = &S::warm_up, .act = &S::try_it, .let_go = &S::release_all, .sleepers = 2});
  add("timed_out_and_death", {.hold = &S::acquire_all, .prepare = &S::warm_up, .act = &S::try_it, .sleepers = 2, .holder_dies = true});
  add("recovery", {.prepare = &S::warm_acquire, .act = &S::release_all, .recover = &S::pair});
  add("recovery_with_sleepers", {.prepare = &S::warm_acquire, .act = &S::release_all, .recover = &S::pair, .sleepers = 2});
  add("recovery_by_get_value", {.prepare = &S::warm_acquire, .act = &S::release_all, .recover = &S::look, .sleepers = 2});
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
const Add semaphore_storm{Storm<Permits>{.name = "semaphore.storm", .work = &Permits::work, .found = &Permits::found, .sane = &Permits::sane}};

/// Two conditions' worth of waiters on one.
template <class L>
struct Waited {
  Waited() : condition(L()) {}
  void nothing() {}
  void warm_up() { const std::scoped_lock guard(condition); }
  void wait() {
    const std::scoped_lock guard(condition);
    condition.wait();
    // Whoever died with the lock may have been about to notify.
    if (std::visit([](const auto& lock) { return lock.owner_died(); }, condition.get_lock())) condition.notify_all();
  }
  void wait_and_notify() {
    const std::scoped_lock guard(condition);
    condition.wait();
    condition.notify();
  }
  void wait_a_little() {
    const std::scoped_lock guard(condition);
    condition.wait(std::chrono::milliseconds(2));
  }
  /// As the user of a robust lock does: whoever died with it may have been about to notify.
  void notify_if_died() {
    const std::scoped_lock guard(condition);
    if (std::visit([](const auto& lock) { return lock.owner_died(); }, condition.get_lock())) condition.notify_all();
  }
  void notify_one() {
    const std::scoped_lock guard(condition);
    condition.notify();
  }
  void notify_two() {
    const std::scoped_lock guard(condition);
    condition.notify(2);
  }
  void notify_all() {
    const std::scoped_lock guard(condition);
    condition.notify_all();
  }
  bool sane() const {
    return std::visit([](const auto& lock) { return !lock.locked() && !lock.owner_died(); }, condition.get_lock());
  }
  mp::Condition condition;
};

template <class S>
bool add_condition(const std::string& name) {
  const auto add = [&name](const char* operation, Sweep<S> sweep) {
    sweep.name = name + "." + operation;
    sweep.use = &S::notify_all;
    sweep.sane = &S::sane;
    Add{std::move(sweep)};
  };
  add("notify", {.hold = &S::nothing, .prepare = &S::warm_up, .act = &S::notify_one, .let_go = &S::notify_all, .sleep = &S::wait, .sleepers = 2});
  add("notify_all", {.hold = &S::nothing, .prepare = &S::warm_up, .act = &S::notify_all, .let_go = &S::notify_all, .sleep = &S::wait, .sleepers = 2});
  add("notified", {.hold = &S::nothing, .prepare = &S::warm_up, .act = &S::wait_and_notify, .let_go = &S::notify_two, .afterwards = &S::notify_if_died, .sleep = &S::wait, .sleepers = 2, .from_wake = true});
  add("wait", {.hold = &S::nothing, .prepare = &S::warm_up, .act = &S::wait, .let_go = &S::notify_all, .sleep = &S::wait, .sleepers = 2});
  add("timed_out", {.hold = &S::nothing, .prepare = &S::warm_up, .act = &S::wait_a_little, .let_go = &S::notify_all, .sleep = &S::wait, .sleepers = 2});
  return true;
}
const bool with_lock = add_condition<Waited<mp::Lock>>("condition");
const bool with_rlock = add_condition<Waited<mp::RLock>>("condition_of_rlock");

struct Flagged {
  void nothing() {}
  void warm_up() { other.set(), other.clear(); }
  void set() { event.set(); }
  void set_and_clear() { event.set(), event.clear(); }
  void wait() { event.wait(); }
  void wait_a_little() { event.wait(std::chrono::milliseconds(2)); }
  bool sane() const { return event.is_set(); }
  mp::Event event, other;
};
using F = Flagged;
const Add event_set{Sweep<F>{.name = "event.set", .hold = &F::nothing, .prepare = &F::warm_up, .act = &F::set, .let_go = &F::set, .use = &F::wait, .sane = &F::sane, .sleepers = 2}};
const Add event_set_and_clear{Sweep<F>{.name = "event.set_and_clear", .hold = &F::nothing, .prepare = &F::warm_up, .act = &F::set_and_clear, .let_go = &F::set, .use = &F::wait, .sane = &F::sane, .sleepers = 2}};
const Add event_woken{Sweep<F>{.name = "event.woken", .hold = &F::nothing, .prepare = &F::warm_up, .act = &F::wait, .let_go = &F::set, .use = &F::wait, .sane = &F::sane, .sleepers = 2, .from_wake = true}};
const Add event_timed_out{Sweep<F>{.name = "event.timed_out", .hold = &F::nothing, .prepare = &F::warm_up, .act = &F::wait_a_little, .let_go = &F::set, .use = &F::wait, .sane = &F::sane, .sleepers = 2}};

template <int Parties>
struct Met {
  void nothing() {}
  void warm_up() { other.wait(); }
  void meet() {
    try {
      barrier.wait();
    } catch (const mp::BrokenBarrierError&) {
    }
  }
  void meet_a_little() {
    try {
      barrier.wait(std::chrono::milliseconds(2));
    } catch (const mp::BrokenBarrierError&) {
    }
  }
  void abort() { barrier.abort(); }
  void reset() { barrier.reset(); }
  void reset_and_abort() { barrier.reset(), barrier.abort(); }
  void revive() { barrier.reset(); }
  bool sane() const { return !barrier.broken() && barrier.n_waiting() == 0; }
  mp::Barrier barrier{Parties}, other{1};
};
using M3 = Met<3>;
using M4 = Met<4>;
const Add barrier_last{Sweep<M3>{.name = "barrier.last", .hold = &M3::nothing, .prepare = &M3::warm_up, .act = &M3::meet, .let_go = &M3::abort, .use = &M3::revive, .sleep = &M3::meet, .sane = &M3::sane, .sleepers = 2}};
const Add barrier_released{Sweep<M4>{.name = "barrier.released", .hold = &M4::nothing, .prepare = &M4::warm_up, .act = &M4::meet, .let_go = &M4::meet, .use = &M4::revive, .sleep = &M4::meet, .sane = &M4::sane, .sleepers = 2, .from_wake = true}};
const Add barrier_abort{Sweep<M4>{.name = "barrier.abort", .hold = &M4::nothing, .prepare = &M4::warm_up, .act = &M4::abort, .let_go = &M4::abort, .use = &M4::revive, .sleep = &M4::meet, .sane = &M4::sane, .sleepers = 2}};
const Add barrier_reset{Sweep<M4>{.name = "barrier.reset", .hold = &M4::nothing, .prepare = &M4::warm_up, .act = &M4::reset, .let_go = &M4::reset, .use = &M4::revive, .sleep = &M4::meet, .sane = &M4::sane, .sleepers = 2}};

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
    sweep.use = &R::pass;
    sweep.sane = &R::sane;
    Add{std::move(sweep)};
  };
  add("write", {.prepare = &R::warm_up, .act = &R::write_pair});
  add("read", {.prepare = &R::warm_up, .act = &R::read_pair});
  add("end_write", {.prepare = &R::warm_write, .act = &R::end_write, .sleepers = 3});
  add("write_woken", {.hold = &R::write, .prepare = &R::warm_up, .act = &R::write_pair, .let_go = &R::end_write, .sleepers = 3, .from_wake = true});
  add("read_woken", {.hold = &R::write, .prepare = &R::warm_up, .act = &R::read_pair, .let_go = &R::end_write, .sleepers = 3, .from_wake = true});
  add("write_woken_by_reader", {.hold = &R::read, .prepare = &R::warm_up, .act = &R::write_pair, .let_go = &R::end_read, .sleepers = 3, .from_wake = true});
  add("write_woken_by_death", {.hold = &R::read, .prepare = &R::warm_up, .act = &R::write_pair, .sleepers = 3, .holder_dies = true, .from_wake = true});
  add("read_woken_by_death", {.hold = &R::write, .prepare = &R::warm_up, .act = &R::read_pair, .sleepers = 3, .holder_dies = true, .from_wake = true});
  add("write_contended", {.hold = &R::write, .prepare = &R::warm_up, .act = &R::write_pair, .let_go = &R::end_write, .sleepers = 3});
  add("read_contended", {.hold = &R::write, .prepare = &R::warm_up, .act = &R::read_pair, .let_go = &R::end_write, .sleepers = 3});
  add("write_timed_out", {.hold = &R::write, .prepare = &R::warm_up, .act = &R::write_a_little, .let_go = &R::end_write, .sleepers = 3});
  add("recovery", {.prepare = &R::warm_write, .act = &R::end_write, .recover = &R::write_pair, .sleepers = 3});
  return true;
}
const bool rwlock_added = add_rwlock();

}  // namespace
