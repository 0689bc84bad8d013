// SPDX-License-Identifier: BSL-1.0
/// \file
/// Value and RawValue beside a number under a mutex in shared memory, and beside std::atomic.
#include "peers.hpp"

#include <multiprocessing/sharedctypes.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>

namespace benchmark {
namespace {

namespace mp = multiprocessing;

/// A number with a lock, as one would write it by hand.
template <class Lock>
class Guarded {
 public:
  std::int64_t get() const {
    const std::scoped_lock guard(lock_);
    return number_->value;
  }
  void set(std::int64_t value) const {
    const std::scoped_lock guard(lock_);
    number_->value = value;
  }
  void add_one() const {
    const std::scoped_lock guard(lock_);
    number_->value += 1;
    barrier();
  }

 private:
  struct Number {
    alignas(64) std::int64_t value = 0;
  };
  Lock lock_;
  SharedBox<Number> number_;
};

class Value {
 public:
  std::int64_t get() const { return value_.get(); }
  void set(std::int64_t value) const { value_.set(value); }
  void add_one() const { value_.value += 1; }

 private:
  mp::Value<std::int64_t> value_{0};
};

class FetchAdd {
 public:
  void add_one() const { number_->fetch_add(1); }

 private:
  SharedBox<std::atomic<std::int64_t>> number_;
};

class AtomicRawValue {
 public:
  void add_one() const { number_.value.fetch_add(1); }

 private:
  mp::RawValue<std::atomic<std::int64_t>> number_;
};

template <class Number>
Figures get() {
  const Number number;
  return {per_call([&] { use(number.get()); }), {}};
}

template <class Number>
Figures set() {
  const Number number;
  std::int64_t next = 0;
  return {per_call([&] { number.set(++next); }), {}};
}

template <class Number>
Figures add_one() {
  const Number number;
  return {per_call([&] { number.add_one(); }), {}};
}

template <class Number>
Figures two_add_one() {
  const Number number;
  return compete(2, [&] { number.add_one(); });
}

Figures add_to_raw_value() {
  const mp::RawValue<std::int64_t> number(0);
  return {per_call([&] {
            number.value += 1;
            barrier();
          }),
          {}};
}

Figures add_to_memory() {
  const SharedBox<std::int64_t> number;
  return {per_call([&] {
            *number += 1;
            barrier();
          }),
          {}};
}

using Bare = Guarded<InSharedMemory<TwoExchanges>>;

const char robust[] = "robust recursive pthread mutex";
const char boost_mutex[] = "boost interprocess_recursive_mutex";

const Add value_get{{.name = "value.get",
                     .says = "read a number under its lock",
                     .contenders = {limit("two CAS", get<Bare>), ours("Value", get<Value>),
                                    peer(robust, get<Guarded<RobustRecursiveMutex>>),
                                    peer(boost_mutex, get<Guarded<BoostRecursiveMutex>>)},
                     .targets = {{robust, 1.0, {}}}}};

const Add value_set{{.name = "value.set",
                     .says = "write a number under its lock",
                     .contenders = {limit("two CAS", set<Bare>), ours("Value", set<Value>),
                                    peer(robust, set<Guarded<RobustRecursiveMutex>>),
                                    peer(boost_mutex, set<Guarded<BoostRecursiveMutex>>)},
                     .targets = {{robust, 1.0, {}}}}};

// Of a futex lock's 4.55 ns: 7 ns, boldly 5.5.
const Add value_add{{.name = "value.add",
                     .says = "value += 1 under its lock",
                     .contenders = {limit("two CAS", add_one<Bare>), ours("Value", add_one<Value>),
                                    peer("plain pthread mutex", add_one<Guarded<PlainMutex>>),
                                    peer(robust, add_one<Guarded<RobustRecursiveMutex>>),
                                    peer(boost_mutex, add_one<Guarded<BoostRecursiveMutex>>)},
                     .targets = {{"two CAS", 1.54, 1.21}}}};

const Add value_add_two{{.name = "value.add_two_processes",
                         .says = "two processes do value += 1",
                         .place = Place::two_cores,
                         .contenders = {limit("fetch_add", two_add_one<FetchAdd>), ours("Value", two_add_one<Value>),
                                        peer("plain pthread mutex", two_add_one<Guarded<PlainMutex>>),
                                        peer(robust, two_add_one<Guarded<RobustRecursiveMutex>>),
                                        peer(boost_mutex, two_add_one<Guarded<BoostRecursiveMutex>>)},
                         .targets = {{robust, 1.0, {}}}}};

const Add raw_add{{.name = "raw_value.add",
                   .says = "value += 1 without a lock",
                   .contenders = {limit("int64_t", add_to_memory), ours("RawValue", add_to_raw_value)},
                   .targets = {{"int64_t", 1.05, {}}}}};

const Add raw_atomic{
    {.name = "raw_value.atomic",
     .says = "fetch_add of a RawValue<std::atomic>",
     .contenders = {limit("std::atomic", add_one<FetchAdd>), ours("RawValue", add_one<AtomicRawValue>)},
     .targets = {{"std::atomic", 1.05, {}}}}};

}  // namespace
}  // namespace benchmark
