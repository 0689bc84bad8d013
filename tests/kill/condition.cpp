// SPDX-License-Identifier: BSL-1.0
/// \file
/// Condition: no death loses a notification to those who live.
#include <multiprocessing/synchronize/condition.hpp>

#include "engine/registry.hpp"
#include "engine/storm.hpp"
#include "engine/sweep.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <sstream>
#include <string>
#include <utility>
#include <variant>

namespace {

namespace mp = multiprocessing;
using namespace kill_test;

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
  add("notify", {.hold = &S::nothing,
                 .prepare = &S::warm_up,
                 .act = &S::notify_one,
                 .let_go = &S::notify_all,
                 .sleep = &S::wait,
                 .sleepers = 2});
  add("notify_all", {.hold = &S::nothing,
                     .prepare = &S::warm_up,
                     .act = &S::notify_all,
                     .let_go = &S::notify_all,
                     .sleep = &S::wait,
                     .sleepers = 2});
  add("notified", {.hold = &S::nothing,
                   .prepare = &S::warm_up,
                   .act = &S::wait_and_notify,
                   .let_go = &S::notify_two,
                   .afterwards = &S::notify_if_died,
                   .sleep = &S::wait,
                   .sleepers = 2,
                   .from_wake = true});
  add("wait", {.hold = &S::nothing,
               .prepare = &S::warm_up,
               .act = &S::wait,
               .let_go = &S::notify_all,
               .sleep = &S::wait,
               .sleepers = 2});
  add("timed_out", {.hold = &S::nothing,
                    .prepare = &S::warm_up,
                    .act = &S::wait_a_little,
                    .let_go = &S::notify_all,
                    .sleep = &S::wait,
                    .sleepers = 2});
  return true;
}
const bool with_lock = add_condition<Waited<mp::Lock>>("condition");
const bool with_rlock = add_condition<Waited<mp::RLock>>("condition_of_rlock");

/// A waiter at each of two conditions that have locks of their own. Whom the dead had notified has to wake by itself: nobody takes the
/// lock only to give it back.
struct WaitedUnderTwo {
  void nothing() {}
  void warm_up() { first.acquire(), second.acquire(), second.release(), first.release(); }
  void wait() {
    const mp::Condition& mine = sleepers.fetch_add(1) % 2 == 0 ? first : second;
    const std::scoped_lock guard(mine);
    mine.wait();
  }
  void notify_both() {
    first.acquire(), second.acquire();
    first.notify(), second.notify();
    first.release(), second.release();
  }
  void notify_both_and_nest() {
    first.acquire(), second.acquire();
    first.notify(), second.notify();
    second.release(), first.release();
  }
  /// In between the kernel forgets whom the first lock owes a wake-up, so that the second lock owes one, too.
  void notify_and_make() {
    first.acquire(), second.acquire();
    first.notify();
    const mp::Lock made;
    second.notify();
    first.release(), second.release();
  }
  void notify_those_who_wait() {
    for (const mp::Condition* each : {&first, &second}) {
      std::ostringstream text;
      text << *each;
      if (text.str().ends_with(", 0)>")) continue;
      const std::scoped_lock guard(*each);
      each->notify_all();
    }
  }
  void notify_all() {
    for (const mp::Condition* each : {&first, &second}) {
      const std::scoped_lock guard(*each);
      each->notify_all();
    }
  }
  bool sane() const {
    return !std::get<mp::Lock>(first.get_lock()).locked() && !std::get<mp::Lock>(second.get_lock()).locked();
  }
  mp::Condition first{mp::Lock()}, second{mp::Lock()};
  std::atomic<int> sleepers{0};
};

bool add_under_two(const char* name, void (WaitedUnderTwo::*act)(), std::uint64_t points) {
  using S = WaitedUnderTwo;
  Sweep<S> sweep{.hold = &S::nothing,
                 .prepare = &S::warm_up,
                 .act = act,
                 .let_go = &S::notify_those_who_wait,
                 .use = &S::notify_all,
                 .sleep = &S::wait,
                 .sane = &S::sane,
                 .sleepers = 2,
                 .standard_points = points};
  sweep.name = name;
  Add{std::move(sweep)};
  return true;
}
const bool both = add_under_two("condition.notify_under_two", &WaitedUnderTwo::notify_both, 1500);
const bool nested = add_under_two("condition.notify_under_two_nested", &WaitedUnderTwo::notify_both_and_nest, 1500);
const bool made = add_under_two("condition.notify_and_make", &WaitedUnderTwo::notify_and_make, 400);

/// Turns that workers take and give back: a notification goes with each.
struct Turns {
  Turns() { holders.fill(nobody); }

  void work(Worker& worker) {
    const auto self = static_cast<int>(worker.slot());
    const auto mine = [self](int holder) { return holder == self; };
    give_back(std::find_if(holders.begin(), holders.end(), mine));  // what a dead predecessor had
    int* turn = take(self, worker);
    if (inside[static_cast<std::size_t>(turn - holders.data())].exchange(self) != nobody) ++crowded;
    inside[static_cast<std::size_t>(turn - holders.data())] = nobody;
    give_back(turn);
    worker.progress();
  }

  int* take(int self, Worker& worker) {
    worker.waits([this] { condition.acquire(); });
    const std::unique_lock guard(condition, std::adopt_lock);
    for (;;) {
      notify_if_died();
      int* const turn = std::find(holders.begin(), holders.end(), nobody);
      if (turn != holders.end()) return *turn = self, turn;
      worker.waits([this] { condition.wait(); });
    }
  }
  void give_back(int* turn) {
    if (turn == holders.end()) return;
    const std::scoped_lock guard(condition);
    notify_if_died();
    inside[static_cast<std::size_t>(turn - holders.data())] = nobody;
    *turn = nobody;  // one store: whoever is killed has given it back, or has it
    condition.notify();
  }
  /// As the user of a robust lock does: whoever died with it may have been about to notify.
  void notify_if_died() const {
    if (std::get<mp::RLock>(condition.get_lock()).owner_died()) condition.notify_all();
  }
  bool sane() const { return crowded == 0 && !std::get<mp::RLock>(condition.get_lock()).locked(); }

  static constexpr int nobody = -1;
  mp::Condition condition;
  std::array<int, 2> holders;
  std::array<std::atomic<int>, 2> inside{nobody, nobody};
  std::atomic<int> crowded{0};
};
const Add condition_storm{Storm<Turns>{.name = "condition.storm", .work = &Turns::work, .sane = &Turns::sane}};

}  // namespace
