// SPDX-License-Identifier: BSL-1.0
/// \file
/// Semaphore, Condition, Event, Barrier and RWLock beside what POSIX and Boost offer: alone, handed over, asleep.
#include "peers.hpp"

#include <multiprocessing/synchronize.hpp>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <boost/interprocess/sync/interprocess_condition.hpp>
#include <boost/interprocess/sync/interprocess_semaphore.hpp>
#include <boost/interprocess/sync/interprocess_sharable_mutex.hpp>
#include <boost/interprocess/sync/interprocess_upgradable_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>

#include <atomic>
#include <chrono>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace benchmark {
namespace {

namespace mp = multiprocessing;
namespace bip = boost::interprocess;

// What a sleep costs at least: the bare calls.

using Word = std::atomic<std::uint32_t>;

void futex_wait(const Word& word, std::uint32_t value) {
  ::syscall(SYS_futex, &word, FUTEX_WAIT, value, nullptr, nullptr, 0);
}
void futex_wake(const Word& word, int count) { ::syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0); }

// Semaphores, with the names of a lock.

struct OurSemaphore {
  void lock() const { semaphore.acquire(); }
  void unlock() const { semaphore.release(); }
  mp::Semaphore semaphore{1};
};
struct OurBoundedSemaphore {
  void lock() const { semaphore.acquire(); }
  void unlock() const { semaphore.release(); }
  mp::BoundedSemaphore semaphore{1};
};
class BoostSemaphore {
 public:
  void lock() { semaphore_.wait(); }
  void unlock() { semaphore_.post(); }

 private:
  bip::interprocess_semaphore semaphore_{1};
};
using BoostSemaphoreLock = InSharedMemory<BoostSemaphore>;

// Readers-writer locks, with the names of the standard library.

class PthreadRwlock {
 public:
  PthreadRwlock() {
    pthread_rwlockattr_t attributes;
    ::pthread_rwlockattr_init(&attributes);
    ::pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_rwlock_init(&lock_, &attributes);
    ::pthread_rwlockattr_destroy(&attributes);
  }
  ~PthreadRwlock() { ::pthread_rwlock_destroy(&lock_); }

  void lock() { ::pthread_rwlock_wrlock(&lock_); }
  void unlock() { ::pthread_rwlock_unlock(&lock_); }
  void lock_shared() { ::pthread_rwlock_rdlock(&lock_); }
  void unlock_shared() { ::pthread_rwlock_unlock(&lock_); }

 private:
  pthread_rwlock_t lock_;
};

template <class Mutex>
class BoostShared {
 public:
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }
  void lock_shared() { mutex_.lock_sharable(); }
  void unlock_shared() { mutex_.unlock_sharable(); }

 private:
  Mutex mutex_;
};

template <class Mutex>
class SharedInSharedMemory {
 public:
  void lock() const { mutex_->lock(); }
  void unlock() const { mutex_->unlock(); }
  void lock_shared() const { mutex_->lock_shared(); }
  void unlock_shared() const { mutex_->unlock_shared(); }

 private:
  SharedBox<Mutex> mutex_;
};
using Rwlock = SharedInSharedMemory<PthreadRwlock>;
using BoostSharable = SharedInSharedMemory<BoostShared<bip::interprocess_sharable_mutex>>;
using BoostUpgradable = SharedInSharedMemory<BoostShared<bip::interprocess_upgradable_mutex>>;

/// A reader's side of a readers-writer lock, as a lock.
template <class Lock>
struct Reader {
  void lock() const { shared.lock_shared(); }
  void unlock() const { shared.unlock_shared(); }
  Lock shared;
};

template <class Lock>
Figures pair() {
  const Lock lock;
  return {per_call([&] {
            lock.lock();
            barrier();
            lock.unlock();
          }),
          {}};
}

/// Two processes take turns under one lock, and each works for `outside` nanoseconds between its turns.
template <class Lock, int outside>
Figures turns() {
  const Lock lock;
  const Work work(outside);
  return compete(2, [&] {
    {
      const std::scoped_lock guard(lock);
      barrier();
    }
    work();
  });
}

// Signals: what one side gives and the other waits for, one for each direction.

struct BareFutex {
  void give() {
    word = 1;
    futex_wake(word, 1);
  }
  void take() {
    while (word.exchange(0) == 0) futex_wait(word, 0);
  }
  Word word{0};
};

class PosixSignal {
 public:
  PosixSignal() { ::sem_init(&semaphore_, 1, 0); }
  ~PosixSignal() { ::sem_destroy(&semaphore_); }
  void give() { ::sem_post(&semaphore_); }
  void take() {
    while (::sem_wait(&semaphore_) != 0) {
    }
  }

 private:
  sem_t semaphore_;
};

struct BoostSignal {
  void give() { semaphore.post(); }
  void take() { semaphore.wait(); }
  bip::interprocess_semaphore semaphore{0};
};

struct OurSignal {
  void give() { semaphore.release(); }
  void take() { semaphore.acquire(); }
  mp::Semaphore semaphore{0};
};

struct OurEvent {
  void give() { event.set(); }
  void take() {
    event.wait();
    event.clear();
  }
  mp::Event event;
};

class PthreadCondition {
 public:
  PthreadCondition() {
    pthread_mutexattr_t mutex;
    ::pthread_mutexattr_init(&mutex);
    ::pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
    ::pthread_mutex_init(&mutex_, &mutex);
    ::pthread_mutexattr_destroy(&mutex);
    pthread_condattr_t condition;
    ::pthread_condattr_init(&condition);
    ::pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
    ::pthread_cond_init(&condition_, &condition);
    ::pthread_condattr_destroy(&condition);
  }
  ~PthreadCondition() {
    ::pthread_cond_destroy(&condition_);
    ::pthread_mutex_destroy(&mutex_);
  }
  void lock() { ::pthread_mutex_lock(&mutex_); }
  void unlock() { ::pthread_mutex_unlock(&mutex_); }
  void notify() { ::pthread_cond_signal(&condition_); }
  void wait() { ::pthread_cond_wait(&condition_, &mutex_); }

 private:
  pthread_mutex_t mutex_;
  pthread_cond_t condition_;
};

class BoostCondition {
 public:
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }
  void notify() { condition_.notify_one(); }
  void wait() {
    bip::scoped_lock<bip::interprocess_mutex> guard(mutex_, bip::accept_ownership);
    condition_.wait(guard);
    guard.release();
  }

 private:
  bip::interprocess_mutex mutex_;
  bip::interprocess_condition condition_;
};

struct OurCondition {
  void lock() { condition.acquire(); }
  void unlock() { condition.release(); }
  void notify() { condition.notify(); }
  void wait() { condition.wait(); }
  mp::Condition condition{mp::Lock()};
};

/// A flag under a condition's lock: an event as people make it.
template <class Condition>
struct Flag {
  void give() {
    condition.lock();
    flag = true;
    condition.notify();
    condition.unlock();
  }
  void take() {
    condition.lock();
    while (!flag) condition.wait();
    flag = false;
    condition.unlock();
  }
  Condition condition;
  bool flag = false;
};

/// Has the library ask how many processors there are before this process is pinned to one: as processes that the
/// scheduler places, it then spins a while before it sleeps.
void expect_company() {
  const mp::Event nobody_sets;
  nobody_sets.wait(std::chrono::microseconds(1));
}

enum class Sides { pinned_at_once, pinned_later };

/// A process gives one signal and waits for the other's; how long that takes. The other is on the same processor, or on
/// the second.
template <class Signal, std::size_t processor, Sides sides = Sides::pinned_at_once>
Figures round_trip() {
  struct Two {
    Signal there, back;
    std::atomic<bool> over{false};
  };
  const SharedBox<Two> two;
  if (sides == Sides::pinned_later) expect_company();
  const pid_t other = fork_side([&] {
    if (sides == Sides::pinned_later) expect_company();
    pin(processor);
    for (bool last = false; !last;) {
      two->there.take();
      last = two->over;  // before the answer, so that none is left out
      two->back.give();
    }
  });
  pin(0);
  const auto trip = [&] {
    two->there.give();
    two->back.take();
  };
  trip();
  const double time = per_call(trip);
  two->over = true;
  trip();
  wait_for_side(other);
  return {time, {}};
}

template <class Signal>
Figures asleep() {
  return round_trip<Signal, 1>();
}
template <class Signal>
Figures asleep_on_one_core() {
  return round_trip<Signal, 0>();
}
template <class Signal>
Figures hot() {
  return round_trip<Signal, 1, Sides::pinned_later>();
}

/// Gives and takes, nobody waits.
template <class Signal>
Figures signal_alone() {
  const SharedBox<Signal> signal;
  return {per_call([&] {
            signal->give();
            signal->take();
          }),
          {}};
}

template <class Condition>
Figures notify_nobody() {
  const SharedBox<Condition> condition;
  const std::scoped_lock guard(*condition);
  return {per_call([&] { condition->notify(); }), {}};
}

// Barriers.

class PthreadBarrier {
 public:
  explicit PthreadBarrier(int parties) {
    pthread_barrierattr_t attributes;
    ::pthread_barrierattr_init(&attributes);
    ::pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_barrier_init(&*barrier_, &attributes, static_cast<unsigned>(parties));
    ::pthread_barrierattr_destroy(&attributes);
  }
  ~PthreadBarrier() { ::pthread_barrier_destroy(&*barrier_); }
  void wait() const { ::pthread_barrier_wait(&*barrier_); }

 private:
  SharedBox<pthread_barrier_t> barrier_;
};

/// The least that a barrier must do that sleeps: one addition each, and one wake-up for all.
class BareBarrier {
 public:
  explicit BareBarrier(int parties) : parties_(static_cast<std::uint32_t>(parties)) {}
  void wait() const {
    const std::uint32_t phase = state_->phase;
    if (state_->arrived.fetch_add(1) + 1 == parties_) {
      state_->arrived = 0;
      ++state_->phase;
      futex_wake(state_->phase, INT_MAX);
      return;
    }
    while (state_->phase == phase) futex_wait(state_->phase, phase);
  }

 private:
  struct State {
    Word arrived{0}, phase{0};
  };
  SharedBox<State> state_;
  std::uint32_t parties_;
};

struct OurBarrier {
  explicit OurBarrier(int parties) : barrier(parties) {}
  void wait() const { barrier.wait(); }
  mp::Barrier barrier;
};

/// So many processes go through one phase after the other; the time of a phase.
template <class Barrier, std::size_t sides>
Figures phases() {
  struct Run {
    std::atomic<std::uint64_t> last{~std::uint64_t{0}};
    double time = 0;
  };
  const Barrier barrier{static_cast<int>(sides)};
  const SharedBox<Run> run;
  std::vector<pid_t> children;
  for (std::size_t side = 0; side < sides; ++side)
    children.push_back(fork_side([&] {
      expect_company();
      pin(side);
      barrier.wait();
      const auto begin = Clock::now();
      std::uint64_t phase = 0;
      do {
        // What the first says before a phase all have heard after it: so it says that the next one is the last.
        if (side == 0 && run->last == ~std::uint64_t{0} && Clock::now() - begin >= 4 * reading_time)
          run->last = phase + 1;
        barrier.wait();
      } while (phase++ != run->last);
      if (side == 0) run->time = Nanoseconds(Clock::now() - begin).count() / static_cast<double>(phase);
    }));
  for (const pid_t child : children) wait_for_side(child);
  return {run->time, {}};
}

const Add semaphore_pair{{.name = "semaphore.pair",
                          .says = "acquire and release, nobody else wants it",
                          .contenders = {limit("two CAS", pair<InSharedMemory<TwoExchanges>>),
                                         ours("Semaphore", pair<OurSemaphore>), peer("sem_t", pair<SemaphoreLock>),
                                         peer("boost interprocess_semaphore", pair<BoostSemaphoreLock>)}}};

const Add bounded_semaphore_pair{
    {.name = "bounded_semaphore.pair",
     .says = "acquire and release, nobody else wants it",
     .contenders = {limit("two CAS", pair<InSharedMemory<TwoExchanges>>),
                    ours("BoundedSemaphore", pair<OurBoundedSemaphore>), peer("sem_t", pair<SemaphoreLock>),
                    peer("boost interprocess_semaphore", pair<BoostSemaphoreLock>)}}};

const Add semaphore_two{
    {.name = "semaphore.two_processes_with_work",
     .says = "two processes take turns with one permit and work for 80 ns between",
     .place = Place::two_cores,
     .contenders = {ours("Semaphore", turns<OurSemaphore, 80>), peer("sem_t", turns<SemaphoreLock, 80>),
                    peer("boost interprocess_semaphore", turns<BoostSemaphoreLock, 80>)}}};

const Add rlock_two{
    {.name = "rlock.two_processes_with_work",
     .says = "two processes take turns under one lock and work for 80 ns between",
     .place = Place::two_cores,
     .contenders = {ours("RLock", turns<mp::RLock, 80>), peer("recursive pthread mutex", turns<RecursiveMutex, 80>),
                    peer("robust recursive pthread mutex", turns<RobustRecursiveMutex, 80>),
                    peer("boost interprocess_recursive_mutex", turns<BoostRecursiveMutex, 80>)}}};

const Add semaphore_asleep{
    {.name = "semaphore.round_trip_asleep",
     .says = "wake the other process by a permit, sleep until it does the same",
     .place = Place::two_cores,
     .contenders = {limit("bare futex", asleep<BareFutex>), ours("Semaphore", asleep<OurSignal>),
                    peer("sem_t", asleep<PosixSignal>), peer("boost interprocess_semaphore", asleep<BoostSignal>)},
     .targets = {{"sem_t", 1.15, 1.0}}}};

const Add semaphore_asleep_here{
    {.name = "semaphore.round_trip_one_core",
     .says = "the same, both on one processor",
     .contenders = {limit("bare futex", asleep_on_one_core<BareFutex>),
                    ours("Semaphore", asleep_on_one_core<OurSignal>), peer("sem_t", asleep_on_one_core<PosixSignal>),
                    peer("boost interprocess_semaphore", asleep_on_one_core<BoostSignal>)},
     .targets = {{"sem_t", 1.15, 1.0}}}};

const Add event_alone{
    {.name = "event.set_wait_clear",
     .says = "set it, wait for it, clear it, by one process alone",
     .contenders = {ours("Event", signal_alone<OurEvent>), peer("sem_t", signal_alone<PosixSignal>),
                    peer("flag under pthread_cond_t", signal_alone<Flag<PthreadCondition>>),
                    peer("flag under boost interprocess_condition", signal_alone<Flag<BoostCondition>>)}}};

const Add event_asleep{{.name = "event.round_trip_asleep",
                        .says = "set an event, sleep until the other process sets another",
                        .place = Place::two_cores,
                        .contenders = {limit("bare futex", asleep<BareFutex>), ours("Event", asleep<OurEvent>),
                                       peer("sem_t", asleep<PosixSignal>),
                                       peer("flag under pthread_cond_t", asleep<Flag<PthreadCondition>>),
                                       peer("flag under boost interprocess_condition", asleep<Flag<BoostCondition>>)},
                        .targets = {{"sem_t", 1.15, 1.0}}}};

const Add event_asleep_here{
    {.name = "event.round_trip_one_core",
     .says = "the same, both on one processor",
     .contenders = {limit("bare futex", asleep_on_one_core<BareFutex>), ours("Event", asleep_on_one_core<OurEvent>),
                    peer("sem_t", asleep_on_one_core<PosixSignal>),
                    peer("flag under pthread_cond_t", asleep_on_one_core<Flag<PthreadCondition>>),
                    peer("flag under boost interprocess_condition", asleep_on_one_core<Flag<BoostCondition>>)},
     .targets = {{"sem_t", 1.15, 1.0}}}};

const Add event_hot{
    {.name = "event.round_trip_hot",
     .says = "set an event that the other process is about to wait for, wait for another",
     .place = Place::two_cores,
     .contenders = {limit("ping-pong of a cache line", ping_pong), ours("Event", hot<OurEvent>),
                    peer("sem_t", hot<PosixSignal>), peer("flag under pthread_cond_t", hot<Flag<PthreadCondition>>)},
     .targets = {{"ping-pong of a cache line", 2.5, {}}}}};

const Add condition_nobody{{.name = "condition.notify_nobody",
                            .says = "notify when nobody waits",
                            .contenders = {ours("Condition", notify_nobody<OurCondition>),
                                           peer("pthread_cond_t", notify_nobody<PthreadCondition>),
                                           peer("boost interprocess_condition", notify_nobody<BoostCondition>)}}};

const Add condition_asleep{
    {.name = "condition.round_trip_asleep",
     .says = "set a flag under a condition and notify, sleep until the other process does the same",
     .place = Place::two_cores,
     .contenders = {limit("bare futex", asleep<BareFutex>), ours("Condition", asleep<Flag<OurCondition>>),
                    peer("sem_t", asleep<PosixSignal>), peer("pthread_cond_t", asleep<Flag<PthreadCondition>>),
                    peer("boost interprocess_condition", asleep<Flag<BoostCondition>>)},
     .targets = {{"sem_t", 1.15, 1.0}}}};

const Add condition_asleep_here{
    {.name = "condition.round_trip_one_core",
     .says = "the same, both on one processor",
     .contenders = {limit("bare futex", asleep_on_one_core<BareFutex>),
                    ours("Condition", asleep_on_one_core<Flag<OurCondition>>),
                    peer("sem_t", asleep_on_one_core<PosixSignal>),
                    peer("pthread_cond_t", asleep_on_one_core<Flag<PthreadCondition>>),
                    peer("boost interprocess_condition", asleep_on_one_core<Flag<BoostCondition>>)},
     .targets = {{"sem_t", 1.15, 1.0}}}};

template <std::size_t sides>
Case barrier_case(std::string name, std::string says) {
  return {.name = std::move(name),
          .says = std::move(says),
          .place = Place::two_cores,
          .contenders = {limit("bare futex", phases<BareBarrier, sides>), ours("Barrier", phases<OurBarrier, sides>),
                         peer("pthread_barrier_t", phases<PthreadBarrier, sides>)}};
}
const Add barrier_two{barrier_case<2>("barrier.phase_of_2", "a phase of two processes")};
const Add barrier_four{barrier_case<4>("barrier.phase_of_4", "a phase of four processes on two cores")};
const Add barrier_eight{barrier_case<8>("barrier.phase_of_8", "a phase of eight processes on two cores")};

const Add rwlock_read{
    {.name = "rwlock.read_pair",
     .says = "acquire and release for reading, nobody else wants it",
     .contenders = {limit("two CAS", pair<InSharedMemory<TwoExchanges>>), ours("RWLock", pair<Reader<mp::RWLock>>),
                    peer("pthread_rwlock_t", pair<Reader<Rwlock>>),
                    peer("boost interprocess_sharable_mutex", pair<Reader<BoostSharable>>),
                    peer("boost interprocess_upgradable_mutex", pair<Reader<BoostUpgradable>>)}}};

const Add rwlock_write{{.name = "rwlock.write_pair",
                        .says = "acquire and release for writing, nobody else wants it",
                        .contenders = {limit("two CAS", pair<InSharedMemory<TwoExchanges>>),
                                       ours("RWLock", pair<mp::RWLock>), peer("pthread_rwlock_t", pair<Rwlock>),
                                       peer("boost interprocess_sharable_mutex", pair<BoostSharable>),
                                       peer("boost interprocess_upgradable_mutex", pair<BoostUpgradable>)}}};

const Add rwlock_two_readers{
    {.name = "rwlock.two_readers_with_work",
     .says = "two processes read and work for 80 ns between",
     .place = Place::two_cores,
     .contenders = {ours("RWLock", turns<Reader<mp::RWLock>, 80>), peer("pthread_rwlock_t", turns<Reader<Rwlock>, 80>),
                    peer("boost interprocess_sharable_mutex", turns<Reader<BoostSharable>, 80>),
                    peer("boost interprocess_upgradable_mutex", turns<Reader<BoostUpgradable>, 80>)}}};

const Add rwlock_two_writers{
    {.name = "rwlock.two_writers_with_work",
     .says = "two processes take turns to write and work for 80 ns between",
     .place = Place::two_cores,
     .contenders = {ours("RWLock", turns<mp::RWLock, 80>), peer("pthread_rwlock_t", turns<Rwlock, 80>),
                    peer("boost interprocess_sharable_mutex", turns<BoostSharable, 80>),
                    peer("boost interprocess_upgradable_mutex", turns<BoostUpgradable, 80>)}}};

}  // namespace
}  // namespace benchmark
