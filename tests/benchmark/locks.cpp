// SPDX-License-Identifier: BSL-1.0
/// \file
/// Lock and RLock beside the mutexes of POSIX and Boost.
#include "peers.hpp"

#include <multiprocessing/synchronize.hpp>

#include <mutex>

namespace benchmark {
namespace {

namespace mp = multiprocessing;

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

template <class Lock>
Figures nested_pair() {
  const Lock lock;
  const std::scoped_lock outer(lock);
  return {per_call([&] {
            lock.lock();
            barrier();
            lock.unlock();
          }),
          {}};
}

/// Processes count together, under a lock; and each works for `outside` nanoseconds between its turns.
template <class Lock, std::size_t sides, int outside>
Figures counting() {
  struct Counter {
    alignas(64) std::uint64_t number = 0;
  };
  const Lock lock;
  const SharedBox<Counter> counter;
  const Work work(outside);
  return compete(sides, [&] {
    {
      const std::scoped_lock guard(lock);
      counter->number = counter->number + 1;
      barrier();
    }
    work();
  });
}

template <std::size_t sides, int outside>
std::vector<Contender> counters() {
  return {limit("fetch_add", counting<InSharedMemory<OneAddition>, sides, outside>),
          ours("Lock", counting<mp::Lock, sides, outside>),
          peer("pthread mutex", counting<PlainMutex, sides, outside>),
          peer("robust pthread mutex", counting<RobustMutex, sides, outside>),
          peer("boost interprocess_mutex", counting<BoostMutex, sides, outside>),
          peer("sem_t", counting<SemaphoreLock, sides, outside>)};
}

const Add lock_pair{
    {.name = "lock.pair",
     .says = "acquire and release, nobody else wants it",
     .contenders = {limit("two CAS", pair<InSharedMemory<TwoExchanges>>), ours("Lock", pair<mp::Lock>),
                    peer("pthread mutex", pair<PlainMutex>), peer("robust pthread mutex", pair<RobustMutex>),
                    peer("boost interprocess_mutex", pair<BoostMutex>), peer("sem_t", pair<SemaphoreLock>)},
     .targets = {{"robust pthread mutex", 1.0, 0.72}}}};

const Add rlock_pair{
    {.name = "rlock.pair",
     .says = "acquire and release, nobody else wants it",
     .contenders = {limit("two CAS", pair<InSharedMemory<TwoExchanges>>), ours("RLock", pair<mp::RLock>),
                    peer("recursive pthread mutex", pair<RecursiveMutex>),
                    peer("robust recursive pthread mutex", pair<RobustRecursiveMutex>),
                    peer("boost interprocess_recursive_mutex", pair<BoostRecursiveMutex>)},
     .targets = {{"robust recursive pthread mutex", 1.0, 0.72}}}};

const Add rlock_nested{
    {.name = "rlock.nested",
     .says = "acquire and release by its holder",
     .contenders = {ours("RLock", nested_pair<mp::RLock>), peer("recursive pthread mutex", nested_pair<RecursiveMutex>),
                    peer("robust recursive pthread mutex", nested_pair<RobustRecursiveMutex>),
                    peer("boost interprocess_recursive_mutex", nested_pair<BoostRecursiveMutex>)},
     .targets = {{"robust recursive pthread mutex", 1.0, {}}}}};

// Without work outside a lock is fast that lets one process keep it: judge by the case with work, and by fairness.
const Add lock_two{{.name = "lock.two_processes",
                    .says = "two processes count under one lock",
                    .place = Place::two_cores,
                    .contenders = counters<2, 0>()}};

const Add lock_two_with_work{{.name = "lock.two_processes_with_work",
                              .says = "two processes count under one lock and work for 80 ns between their turns",
                              .place = Place::two_cores,
                              .contenders = counters<2, 80>(),
                              .targets = {{"fetch_add", 1.1, 1.03}, {"pthread mutex", 1.02, {}}, {"sem_t", 0.65, {}}}}};

const Add lock_four{{.name = "lock.four_processes",
                     .says = "four processes on two cores count under one lock",
                     .place = Place::two_cores,
                     .contenders = counters<4, 0>()}};

const Add lock_four_with_work{{.name = "lock.four_processes_with_work",
                               .says = "four processes on two cores count under one lock and work for 80 ns between",
                               .place = Place::two_cores,
                               .contenders = counters<4, 80>()}};

}  // namespace
}  // namespace benchmark
