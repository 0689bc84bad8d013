// SPDX-License-Identifier: BSL-1.0
/// \file
/// Controls: glibc's primitives, of which it is known which survive a kill and which do not.
#include "../engine/registry.hpp"
#include "../engine/storm.hpp"
#include "../engine/sweep.hpp"

#include <pthread.h>
#include <semaphore.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

namespace {

using namespace kill_test;

template <int robustness>
struct Mutex {
  Mutex() {
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&attributes, robustness);
    ::pthread_mutex_init(&mutex, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
  }

  void lock() {
    if (::pthread_mutex_lock(&mutex) == EOWNERDEAD) ::pthread_mutex_consistent(&mutex);
  }
  void unlock() { ::pthread_mutex_unlock(&mutex); }
  void pass() {
    lock();
    if (inside++ != 0) ++violations;
    --inside;
    unlock();
  }
  bool sane() const { return violations == 0; }

  pthread_mutex_t mutex;
  std::atomic<int> inside{0}, violations{0};
};

using Plain = Mutex<PTHREAD_MUTEX_STALLED>;
using Robust = Mutex<PTHREAD_MUTEX_ROBUST>;

constexpr Nanoseconds short_watchdog = 100 * millisecond;

template <class M>
void pair(M& m) {
  m.lock();
  m.unlock();
}

// What the harness must find.

const Add plain_pair{Sweep<Plain>{
    .name = "control.plain_mutex.pair",
    .act = pair<Plain>,
    .use = &Plain::pass,
    .expect = Expect::faults,
    .watchdog = short_watchdog,
}};

const Add plain_unlock{Sweep<Plain>{
    .name = "control.plain_mutex.unlock_with_sleepers",
    .prepare = &Plain::lock,
    .act = &Plain::unlock,
    .use = &Plain::pass,
    .sleepers = 2,
    .expect = Expect::faults,
    .watchdog = short_watchdog,
}};

const Add plain_woken{Sweep<Plain>{
    .name = "control.plain_mutex.woken",
    .hold = &Plain::lock,
    .act = &Plain::lock,
    .let_go = &Plain::unlock,
    .use = &Plain::pass,
    .sleepers = 2,
    .from_wake = true,
    .expect = Expect::faults,
    .watchdog = short_watchdog,
}};

// What the harness must not blame.

const Add robust_pair{Sweep<Robust>{
    .name = "control.robust_mutex.pair",
    .act = pair<Robust>,
    .use = &Robust::pass,
    .sane = &Robust::sane,
}};

const Add robust_unlock{Sweep<Robust>{
    .name = "control.robust_mutex.unlock_with_sleepers",
    .prepare = &Robust::lock,
    .act = &Robust::unlock,
    .use = &Robust::pass,
    .sane = &Robust::sane,
    .sleepers = 2,
}};

const Add robust_contended{Sweep<Robust>{
    .name = "control.robust_mutex.lock_contended",
    .hold = &Robust::lock,
    .act = pair<Robust>,
    .let_go = &Robust::unlock,
    .use = &Robust::pass,
    .sane = &Robust::sane,
    .sleepers = 2,
}};

const Add robust_woken{Sweep<Robust>{
    .name = "control.robust_mutex.woken",
    .hold = &Robust::lock,
    .act = pair<Robust>,
    .let_go = &Robust::unlock,
    .use = &Robust::pass,
    .sane = &Robust::sane,
    .sleepers = 2,
    .from_wake = true,
}};

// A waiter is woken, another process takes the mutex before it without the bit that says "someone sleeps", and the
// woken one dies before it has set that bit again: glibc and the kernel forget whoever slept behind it.
const Add robust_overtaken{Sweep<Robust>{
    .name = "control.robust_mutex.woken_and_overtaken",
    .hold = &Robust::lock,
    .act = pair<Robust>,
    .let_go =
        [](Robust& mutex) {
          mutex.unlock();
          mutex.lock();
        },
    .afterwards = &Robust::unlock,
    .use = &Robust::pass,
    .sleepers = 2,
    .from_wake = true,
    .expect = Expect::faults,
    .watchdog = short_watchdog,
}};

const Add robust_recovery{Sweep<Robust>{
    .name = "control.robust_mutex.recovery",
    .prepare = &Robust::lock,
    .act = &Robust::unlock,
    .use = &Robust::pass,
    .recover = pair<Robust>,
    .sane = &Robust::sane,
    .sleepers = 2,
}};

// Storms.

/// A robust mutex whose waiters look again every 20 ms, for its wakes get lost in a storm (woken_and_overtaken above).
struct Ticking : Robust {
  void lock() {
    for (;;) {
      const timespec deadline = to_timespec(now() + 20 * millisecond);
      const int result = ::pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &deadline);
      if (result == EOWNERDEAD) ::pthread_mutex_consistent(&mutex);
      if (result != ETIMEDOUT) return;
    }
  }
};

template <class M>
struct Counted {
  void add_one(Worker& worker) {
    worker.waits([this] { lock(); });
    exclusion.enter(worker);
    total = total + 1;
    exclusion.leave(worker);
    mutex.unlock();
    worker.acknowledge();
  }
  void keep(Worker& worker) {
    worker.waits([this] { lock(); });
    worker.progress();
  }
  void lock() { mutex.lock(); }
  std::uint64_t found() const { return total; }
  bool sane() const { return !exclusion.violated(); }

  M mutex;
  Exclusion exclusion;
  volatile std::uint64_t total = 0;
};

const Add plain_storm{Storm<Counted<Plain>>{
    .name = "control.plain_mutex.storm",
    .work = &Counted<Plain>::add_one,
    .expect = Expect::faults,
    .watchdog = short_watchdog,
}};

const Add robust_storm{Storm<Counted<Ticking>>{
    .name = "control.ticking_mutex.storm",
    .work = &Counted<Ticking>::add_one,
    .found = &Counted<Ticking>::found,
    .sane = &Counted<Ticking>::sane,
}};

const Add plain_threads{Storm<Counted<Plain>>{
    .name = "control.plain_mutex.storm_of_ending_threads",
    .work = &Counted<Plain>::add_one,
    .leave = &Counted<Plain>::keep,
    .workers = 2,
    .threads = 2,
    .expect = Expect::faults,
    .watchdog = short_watchdog,
}};

const Add robust_threads{Storm<Counted<Ticking>>{
    .name = "control.ticking_mutex.storm_of_ending_threads",
    .work = &Counted<Ticking>::add_one,
    .leave = &Counted<Ticking>::keep,
    .found = &Counted<Ticking>::found,
    .sane = &Counted<Ticking>::sane,
    .workers = 2,
    .threads = 2,
}};

// Semaphores and conditions, which this library avoids for what is found here.

struct Semaphore {
  Semaphore() { ::sem_init(&semaphore, 1, 1); }
  void wait() {
    while (::sem_wait(&semaphore) == -1 && errno == EINTR) {
    }
  }
  void post() { ::sem_post(&semaphore); }
  void pass() {
    wait();
    post();
  }
  sem_t semaphore;
};

const Add semaphore_pair{Sweep<Semaphore>{
    .name = "control.semaphore.pair",
    .act = &Semaphore::pass,
    .use = &Semaphore::pass,
    .expect = Expect::faults,
    .watchdog = short_watchdog,
}};

const Add semaphore_post{Sweep<Semaphore>{
    .name = "control.semaphore.post_with_sleepers",
    .prepare = &Semaphore::wait,
    .act = &Semaphore::post,
    .use = &Semaphore::pass,
    .sleepers = 2,
    .expect = Expect::faults,
    .watchdog = short_watchdog,
}};

/// A condition under a robust mutex: what is found is the condition's own fault.
struct Condition {
  Condition() {
    pthread_condattr_t attributes;
    ::pthread_condattr_init(&attributes);
    ::pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_cond_init(&condition, &attributes);
    ::pthread_condattr_destroy(&attributes);
  }
  void wait() {
    robust.lock();
    while (!come) {
      if (::pthread_cond_wait(&condition, &robust.mutex) == EOWNERDEAD) ::pthread_mutex_consistent(&robust.mutex);
    }
    robust.unlock();
  }
  void signal() { ::pthread_cond_signal(&condition); }
  void come_all() {
    robust.lock();
    come = true;
    ::pthread_cond_broadcast(&condition);
    robust.unlock();
  }
  Robust robust;
  pthread_cond_t condition;
  bool come = false;
};

// The holder notifies everybody after the victim died in its own notification.
const Add condition_signal{Sweep<Condition>{
    .name = "control.condition.signal_with_sleepers",
    .hold = [](Condition&) {},
    .act = &Condition::signal,
    .let_go = &Condition::come_all,
    .use = &Condition::come_all,
    .sleep = &Condition::wait,
    .sleepers = 2,
    .expect = Expect::faults,
    .watchdog = short_watchdog,
}};

}  // namespace
