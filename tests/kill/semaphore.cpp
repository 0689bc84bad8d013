// SPDX-License-Identifier: BSL-1.0
/// \file
/// Semaphore and BoundedSemaphore: no death in them loses or invents a permit, or forgets who waits.
#include <multiprocessing/synchronize/semaphore.hpp>

#include "engine/registry.hpp"
#include "engine/storm.hpp"
#include "engine/sweep.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace {

namespace mp = multiprocessing;
using namespace kill_test;

namespace detail = mp::detail;

/// What lies in shared memory.
template <class S>
detail::SemaphoreState& state_of(const S& semaphore) {
  struct Access : S {
    static detail::SemaphoreState& of(const S& of) { return *(of.*&Access::state_); }
  };
  return Access::of(semaphore);
}

/// The first half of an operation on a resource: the permit has changed hands, and no account knows it.
template <class S>
void exchange_alone(const S& semaphore, detail::PermitWord::Kind kind, int step) {
  detail::SemaphoreState& state = state_of(semaphore);
  const std::uint32_t mine = detail::semaphore::entry_of(detail::this_thread(), state);
  for (detail::PermitWord now = detail::semaphore::word_of(state);;) {
    detail::semaphore::settle(state, now);
    if (detail::semaphore::exchange(state, now, now.after(mine, kind, step, now.waits()))) return;
  }
}

/// Calls `function` in a child that is killed after it. Its end is no event for who traces the caller.
template <class Function>
void in_one_that_dies(Function function) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    function();
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
}

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
  void release_many() { semaphore.release(Permits); }
  void pair() { acquire(), release(); }
  void warm_acquire() { warm_up(), acquire_all(); }
  void release_acquire() { release_all(), acquire_all(); }
  void look() { semaphore.get_value(); }
  void three_pairs() { pair(), pair(), pair(); }
  /// From here on the caller has an entry, and finds that of one that was killed between its exchange and its account.
  void after_half_acquire() {
    pair();
    in_one_that_dies([this] { pair(), exchange_alone(semaphore, detail::PermitWord::Kind::acquire, -1); });
  }
  void after_half_release() {
    pair();
    in_one_that_dies([this] { pair(), acquire(), exchange_alone(semaphore, detail::PermitWord::Kind::release, 1); });
  }
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
  // Past the monitor: the survivors count in what the dead owes.
  add("quick_pairs", {.prepare = &S::pair, .act = &S::three_pairs});
  add("quick_release", {.prepare = &S::acquire_all, .act = &S::release_all});
  add("release_many", {.prepare = &S::acquire_all, .act = &S::release_many});
  // Who helps is killed: past the monitor where there is another permit, and in it.
  add("helping_after_acquire", {.prepare = &S::after_half_acquire, .act = &S::pair});
  add("helping_after_release", {.prepare = &S::after_half_release, .act = &S::pair});
  add("helping_by_get_value", {.prepare = &S::after_half_release, .act = &S::look});
  // Killed in its claim of an entry; then the next one is, wherever that left it.
  add("recovery_of_claim", {.prepare = &S::warm_up, .act = &S::pair, .recover = &S::pair});
  add("recovery", {.prepare = &S::warm_acquire, .act = &S::release_all, .recover = &S::pair});
  add("recovery_with_sleepers",
      {.prepare = &S::warm_acquire, .act = &S::release_all, .recover = &S::pair, .sleepers = 2});
  add("recovery_by_get_value",
      {.prepare = &S::warm_acquire, .act = &S::release_all, .recover = &S::look, .sleepers = 2});
  return true;
}
const bool one = add_semaphore<Permitted<mp::Semaphore, 1>>("semaphore");
const bool two = add_semaphore<Permitted<mp::BoundedSemaphore, 2>>("bounded_semaphore_of_2");

/// A signal on which two sleep. A victim's two permits are there or not when it is killed; the holder sees to it that they come.
struct Signal {
  void begin() {
    semaphore.release();
    semaphore.acquire();
  }
  void act() { semaphore.release(2); }
  void sleep() {
    semaphore.acquire();
    ++in;
  }
  void let_go() {
    for (int i = 0; i < 20 && in < 2; ++i) ::usleep(1000);
    if (in == 0) semaphore.release(2);  // one that came in alone would stay so, and be seen
  }
  void pair() { semaphore.release(), semaphore.acquire(); }
  bool sane() const { return in == 2 && semaphore.get_value() == 0; }

  mp::Semaphore semaphore{0};
  std::atomic<int> in{0};
};
const Add signal_release{Sweep<Signal>{.name = "semaphore.signal_release_with_sleepers",
                                       .hold = &Signal::begin,
                                       .prepare = &Signal::pair,
                                       .act = &Signal::act,
                                       .let_go = &Signal::let_go,
                                       .use = &Signal::pair,
                                       .sleep = &Signal::sleep,
                                       .sane = &Signal::sane,
                                       .sleepers = 2}};

/// Several permits under a storm, taken one by one past the monitor, and given back together.
struct ManyPermits {
  void work(Worker& worker) {
    worker.waits([this] { semaphore.acquire(); });
    if (worker.random()() % 4 == 0 && semaphore.acquire(false)) {
      semaphore.release(2);
    } else {
      semaphore.release();
    }
    worker.acknowledge();
  }
  bool sane() const { return semaphore.get_value() == 3; }

  mp::BoundedSemaphore semaphore{3};
};
const Add many_storm{Storm<ManyPermits>{
    .name = "bounded_semaphore_of_3.storm", .work = &ManyPermits::work, .sane = &ManyPermits::sane}};

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
