// SPDX-License-Identifier: BSL-1.0
/// \file
/// Condition: who is notified, who is not, and what becomes of what the dead were told.
#include <multiprocessing/synchronize/condition.hpp>

#include "support/catch.hpp"
#include "synchronize/sleepers.hpp"

#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <mutex>
#include <thread>
#include <variant>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

/// Those who wait for a condition, half of them processes and half threads of this process.
class Waiters {
 public:
  explicit Waiters(mp::Condition condition) : condition_(std::move(condition)) {}
  ~Waiters() {
    for (auto& each : threads_) each.join();
  }

  void start_process(mp::Timeout timeout = std::nullopt) {
    const int before = waiting();
    processes_.emplace_back([this, timeout] { wait(timeout); });
    if (timeout.forever()) REQUIRE(wait_until([&] { return waiting() == before + 1; }));
  }
  void start_thread(mp::Timeout timeout = std::nullopt) {
    const int before = waiting();
    threads_.emplace_back([this, timeout] { wait(timeout); });
    if (timeout.forever()) REQUIRE(wait_until([&] { return waiting() == before + 1; }));
  }
  void notify(int n) {
    const std::scoped_lock guard(condition_);
    condition_.notify(n);
  }
  /// How many wait, as the condition's text says.
  int waiting() const {
    const std::string text = text_of(condition_);
    return std::stoi(text.substr(text.rfind(' ')));
  }
  /// Whether `n` come back.
  bool come_back(int n) {
    for (int i = 0; i < n; ++i)
      if (!back_.acquire(20s)) return false;
    return true;
  }
  int told() { return notified_.get_value(); }
  std::vector<Child>& processes() { return processes_; }

 private:
  void wait(mp::Timeout timeout) {
    condition_.acquire();
    if (condition_.wait(timeout)) notified_.release();
    back_.release();
    condition_.release();
  }

  mp::Condition condition_;
  mp::Semaphore back_{0}, notified_{0};
  std::vector<Child> processes_;
  std::vector<std::thread> threads_;
};

}  // namespace

TEST_CASE("notify wakes one of those who wait", "[synchronize][condition]") {
  const mp::Condition condition;
  Waiters waiters(condition);
  waiters.start_process();
  waiters.start_thread();
  waiters.notify(1);
  CHECK(waiters.come_back(1));
  CHECK(waiters.waiting() == 1);
  waiters.notify(1);
  CHECK(waiters.come_back(1));
  CHECK(waiters.told() == 2);
  CHECK(waiters.processes().front().join() == 0);
}

TEST_CASE("notify(n) wakes exactly n, processes and threads mixed", "[synchronize][condition]") {
  const mp::Condition condition;
  Waiters waiters(condition);
  for (int i = 0; i < 3; ++i) {
    waiters.start_process();
    waiters.start_thread();
  }
  waiters.notify(2);
  CHECK(waiters.waiting() == 4);
  CHECK(waiters.come_back(2));
  CHECK(waiters.waiting() == 4);
  waiters.notify(0);
  waiters.notify(-1);
  CHECK(waiters.waiting() == 4);
  waiters.notify(4);
  CHECK(waiters.come_back(4));
  waiters.notify(3);  // nobody is there any more, and nothing is kept for later
  CHECK(waiters.told() == 6);
  {
    const std::scoped_lock guard(condition);
    CHECK_FALSE(condition.wait(10ms));
  }
  for (auto& each : waiters.processes()) CHECK(each.join() == 0);
}

TEST_CASE("notify_all wakes all, also after others' time was up", "[synchronize][condition]") {
  const mp::Condition condition;
  {
    Waiters impatient(condition);
    for (int i = 0; i < 3; ++i) impatient.start_process(20ms);
    for (int i = 0; i < 3; ++i) impatient.start_thread(20ms);
    CHECK(impatient.come_back(6));
    CHECK(impatient.told() == 0);
    for (auto& each : impatient.processes()) CHECK(each.join() == 0);
  }
  Waiters waiters(condition);
  for (int i = 0; i < 3; ++i) {
    waiters.start_process();
    waiters.start_thread();
  }
  CHECK(waiters.waiting() == 6);
  {
    const std::scoped_lock guard(condition);
    condition.notify_all();
  }
  CHECK(waiters.come_back(6));
  CHECK(waiters.told() == 6);
  for (auto& each : waiters.processes()) CHECK(each.join() == 0);
}

TEST_CASE("the longest waiting is notified first", "[synchronize][condition]") {
  const mp::Condition condition;
  const mp::RawValue<int> turn(0);
  std::vector<Child> children;
  for (int i = 0; i < 4; ++i) {
    children.emplace_back([&] {
      const std::scoped_lock guard(condition);
      condition.wait();
      const int mine = turn.value;
      turn.value = mine + 1;
      return mine;
    });
    REQUIRE(wait_until([&] { return text_of(condition).ends_with(" " + std::to_string(i + 1) + ")>"); }));
  }
  for (int i = 0; i < 4; ++i) {
    {
      const std::scoped_lock guard(condition);
      condition.notify();
    }
    CHECK(children[static_cast<std::size_t>(i)].join() == i);
  }
}

TEST_CASE("who does not hold the lock may neither wait nor notify", "[synchronize][condition]") {
  for (const mp::Condition& condition : {mp::Condition(), mp::Condition(mp::Lock())}) {
    CHECK_THROWS_AS(condition.wait(), mp::AssertionError);
    CHECK_THROWS_WITH(condition.wait(0s), contains("must acquire() condition before using wait()"));
    CHECK_THROWS_WITH(condition.notify(), contains("lock is not owned"));
    CHECK_THROWS_AS(condition.notify_all(), mp::AssertionError);
    CHECK_THROWS_AS(condition.release(), mp::Exception);
    const std::scoped_lock guard(condition);
    std::thread([&] { CHECK_THROWS_AS(condition.notify(), mp::AssertionError); }).join();
    CHECK(in_child([&] {
            try {
              condition.wait(0s);
            } catch (const mp::AssertionError&) {
              return 0;
            }
            return 1;
          }) == 0);
  }
}

TEST_CASE("a wait ends when its time is up, and holds the lock again", "[synchronize][condition]") {
  const mp::Condition condition;
  const std::scoped_lock guard(condition);
  CHECK_FALSE(condition.wait(0s));
  CHECK_FALSE(condition.wait(-1s));
  CHECK_FALSE(condition.wait(false));
  const auto start = std::chrono::steady_clock::now();
  CHECK_FALSE(condition.wait(50ms));
  CHECK(std::chrono::steady_clock::now() - start >= 50ms);
  CHECK(in_child([&] { return condition.acquire(false); }) == 1);
}

TEST_CASE("wait_for returns what the predicate said last", "[synchronize][condition]") {
  const mp::Condition condition;
  const mp::RawValue<int> state(-1);
  Child child([&] {
    const std::scoped_lock guard(condition);
    state.value = 0;
    condition.notify();
    return condition.wait_for([&] { return state.value == 4; }, 20s);
  });
  condition.acquire();
  CHECK(condition.wait_for([&] { return state.value == 0; }, 20s));
  condition.release();
  for (int i = 0; i < 4; ++i) {
    const std::scoped_lock guard(condition);
    state.value = state.value + 1;
    condition.notify();
  }
  CHECK(child.join() == 0);
}

TEST_CASE("wait_for is not prolonged by notifications", "[synchronize][condition]") {
  const mp::Condition condition;
  const mp::Semaphore ready(0);
  Child child([&] {
    const std::scoped_lock guard(condition);
    ready.release();
    const auto start = std::chrono::steady_clock::now();
    const bool result = condition.wait_for([] { return false; }, 100ms);
    return !result && std::chrono::steady_clock::now() - start >= 100ms;
  });
  ready.acquire();
  for (int i = 0; i < 3; ++i) {
    const std::scoped_lock guard(condition);
    condition.notify();
  }
  CHECK(child.join() == 0);
  const std::scoped_lock guard(condition);
  int asked = 0;
  CHECK_FALSE(condition.wait_for([&] { return ++asked > 1; }, 0s));
  CHECK(asked == 1);
  CHECK(condition.wait_for([] { return true; }, -1s));
}

TEST_CASE("an exception of a predicate leaves the lock held", "[synchronize][condition]") {
  const mp::Condition condition{mp::Lock()};
  condition.acquire();
  CHECK_THROWS_AS(condition.wait_for([]() -> bool { throw std::runtime_error("no"); }), std::runtime_error);
  CHECK_FALSE(condition.acquire(false));
  condition.release();
}

TEST_CASE("a wait gives up every level of an RLock and takes them back", "[synchronize][condition]") {
  const mp::RLock lock;
  const mp::Condition condition(lock);
  for (int i = 0; i < 3; ++i) lock.acquire();
  Child child([&] {
    const std::scoped_lock guard(lock);
    condition.notify();
  });
  CHECK(condition.wait(20s));
  CHECK(child.join() == 0);
  for (int i = 0; i < 3; ++i) {
    CHECK(in_child([&] { return lock.acquire(false); }) == 1);
    lock.release();
  }
  CHECK_THROWS_AS(lock.release(), mp::AssertionError);
}

TEST_CASE("the levels come back although the lock's next holder died in it", "[synchronize][condition][death]") {
  const mp::RLock lock;
  const mp::Condition condition(lock);
  lock.acquire(), lock.acquire();
  Child child([&] {
    lock.acquire(), lock.acquire(), lock.acquire();
    condition.notify();
    kill_myself();
  });
  CHECK(condition.wait(20s));
  CHECK(lock.owner_died());
  CHECK(child.join() == killed);
  lock.release();
  CHECK(in_child([&] { return lock.acquire(false); }) == 1);
  lock.release();
  CHECK_FALSE(lock.locked());
}

TEST_CASE("two conditions on one lock are told apart", "[synchronize][condition]") {
  const mp::Lock lock;
  const mp::Condition odd(lock), even(lock);
  const mp::RawValue<int> count(0);
  const auto step = [&](const mp::Condition& mine, const mp::Condition& other, int parity) {
    for (int i = 0; i < 200; ++i) {
      const std::scoped_lock guard(lock);
      mine.wait_for([&] { return count.value % 2 == parity; });
      count.value = count.value + 1;
      other.notify();
    }
  };
  Child child([&] { step(odd, even, 1); });
  step(even, odd, 0);
  CHECK(child.join() == 0);
  CHECK(count.value == 400);
  CHECK(std::get<mp::Lock>(odd.get_lock()) == lock);
}

TEST_CASE("the text of a condition is Python's", "[synchronize][condition]") {
  CHECK(text_of(mp::Condition()) == "<Condition(<RLock(None, 0)>, 0)>");
  CHECK(text_of(mp::Condition(mp::Lock())) == "<Condition(<Lock(owner=None)>, 0)>");
}

TEST_CASE("row 13: notify skips a waiter that was killed", "[synchronize][condition][death]") {
  const mp::Condition condition;
  Waiters waiters(condition);
  for (int i = 0; i < 4; ++i) waiters.start_process();
  CHECK(waiters.processes()[0].kill() == killed);
  CHECK(waiters.processes()[2].kill() == killed);
  CHECK(waiters.waiting() == 2);
  waiters.notify(1);
  CHECK(waiters.processes()[1].join() == 0);
  {
    const std::scoped_lock guard(condition);
    condition.notify_all();
  }
  CHECK(waiters.processes()[3].join() == 0);
  CHECK(waiters.told() == 2);
}

TEST_CASE("row 14: whom a killed notifier had chosen wakes, and a later notify works",
          "[synchronize][condition][death]") {
  const mp::Condition condition;
  Waiters waiters(condition);
  for (int i = 0; i < 2; ++i) waiters.start_process();
  for (auto& each : waiters.processes()) each.asleep();
  Child notifier([&] {
    condition.acquire();
    // As notify() up to its system call: it has chosen the first, and not woken it.
    const mp::detail::ThreadIdentity& self = mp::detail::this_thread();
    for (std::uint32_t i = 0;; ++i) {
      mp::detail::ThreadSlot& slot = self.arena.thread(i);
      std::uint32_t node = slot.node;
      if (!mp::detail::NodeState::is_waiting(node) ||
          is_dead(self.arena, mp::detail::condition_node::owner_of(self.arena, slot)))
        continue;
      self.robust_list.pending(&slot.node);
      slot.node.compare_exchange_strong(node, mp::detail::NodeState::notified);
      kill_myself();
    }
  });
  CHECK(notifier.join() == killed);
  CHECK(waiters.come_back(1));
  waiters.notify(1);
  CHECK(waiters.come_back(1));
  CHECK(waiters.told() == 2);
  for (auto& each : waiters.processes()) CHECK(each.join() == 0);
}

TEST_CASE("row 15: what a waiter was notified of passes to the next when it is killed before it has the lock",
          "[synchronize][condition][death]") {
  for (const mp::Condition& condition : {mp::Condition(), mp::Condition(mp::Lock())}) {
    Waiters waiters(condition);
    for (int i = 0; i < 4; ++i) waiters.start_process();
    condition.acquire();
    condition.notify(2);
    CHECK(waiters.processes()[1].asleep().kill() == killed);
    CHECK(waiters.processes()[0].asleep().kill() == killed);
    condition.release();
    CHECK(waiters.come_back(2));
    CHECK(waiters.told() == 2);
    CHECK(waiters.processes()[2].join() == 0);
    CHECK(waiters.processes()[3].join() == 0);
  }
}

TEST_CASE("a notification is passed on also past one whose time was up", "[synchronize][condition][death]") {
  const mp::Condition condition;
  Waiters waiters(condition);
  waiters.start_process();
  for (const mp::Timeout timeout : {mp::Timeout(300ms), mp::Timeout(20s)}) {
    waiters.start_process(timeout);
    waiters.processes().back().asleep();
  }
  CHECK(waiters.come_back(1));  // its time was up: now nobody stands between the first and the last
  condition.acquire();
  condition.notify(1);
  CHECK(waiters.processes()[0].asleep().kill() == killed);
  condition.release();
  CHECK(waiters.come_back(1));
  CHECK(waiters.told() == 1);
  CHECK(waiters.processes()[1].join() == 0);
  CHECK(waiters.processes()[2].join() == 0);
}

TEST_CASE("one whose time is up at the moment of a notify has had it, or left it to another",
          "[synchronize][condition][threads]") {
  const mp::Condition condition;
  int told = 0, notified = 0;
  for (int round = 0; round < 100; ++round) {
    bool waits = false;
    std::thread waiter([&] {
      const std::scoped_lock guard(condition);
      waits = true;
      told += condition.wait(1ms) ? 1 : 0;
    });
    for (bool done = false; !done;) {
      const std::scoped_lock guard(condition);
      done = waits;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(900 + 2 * round));
    {
      const std::scoped_lock guard(condition);
      if (text_of(condition).ends_with(" 1)>")) {
        condition.notify();
        notified += text_of(condition).ends_with(" 0)>") ? 1 : 0;
      }
    }
    waiter.join();
  }
  CHECK(told <= notified);
}

TEST_CASE("threads hand a token round by conditions", "[synchronize][condition][threads]") {
  const mp::Condition condition;
  int turn = 0;
  std::vector<std::thread> threads;
  for (int me = 0; me < 4; ++me)
    threads.emplace_back([&, me] {
      for (int i = 0; i < 100; ++i) {
        const std::scoped_lock guard(condition);
        condition.wait_for([&] { return turn % 4 == me; });
        ++turn;
        condition.notify_all();
      }
    });
  for (auto& each : threads) each.join();
  CHECK(turn == 400);
}

// A waiter left asleep would look by itself after 150 ms: so often that takes longer than a test case may.
constexpr int rounds = 1000;

TEST_CASE("a notified waiter is woken by whoever releases the lock", "[synchronize][condition]") {
  const mp::Lock lock;
  const mp::Condition condition(lock);
  std::atomic<int> turn{0};  // even: somebody waits or is about to; odd: it was notified
  std::thread waiter([&] {
    for (int i = 0; i < rounds; ++i) {
      lock.acquire();
      turn = 2 * i + 1;
      condition.wait();
      lock.release();
      turn = 2 * i + 2;
    }
  });
  for (int i = 0; i < rounds; ++i) {
    REQUIRE(wait_until([&] { return turn == 2 * i + 1; }));
    lock.acquire();
    condition.notify();
    std::thread([&] { lock.release(); }).join();  // another may, of a Lock
    REQUIRE(wait_until([&] { return turn >= 2 * i + 2; }));
  }
  waiter.join();
}

TEST_CASE("notifying two conditions of one lock wakes the waiters of both", "[synchronize][condition]") {
  const mp::Lock lock;
  const mp::Condition first(lock), second(lock);
  mp::Semaphore waiting(0), back(0);
  const auto wait_often = [&](const mp::Condition& condition) {
    for (int i = 0; i < rounds; ++i) {
      const std::scoped_lock guard(lock);
      waiting.release();
      condition.wait();
      back.release();
    }
  };
  std::thread one(wait_often, first), two(wait_often, second);
  for (int i = 0; i < rounds; ++i) {
    waiting.acquire();
    waiting.acquire();
    {
      const std::scoped_lock guard(lock);
      first.notify();
      second.notify();
    }
    back.acquire();
    back.acquire();
  }
  one.join();
  two.join();
}

TEST_CASE("who takes a lock over from a dead notifier wakes the notified", "[synchronize][condition]") {
  const mp::Condition condition;
  mp::Semaphore waiting(0), notified(0), go(0);
  const auto& lock = std::get<mp::RLock>(condition.get_lock());
  for (int i = 0; i < rounds / 10; ++i) {
    std::thread waiter([&] {
      const std::scoped_lock guard(condition);
      waiting.release();
      condition.wait();
      notified.release();
    });
    waiting.acquire();
    const pid_t notifier = start_child([&] {
      condition.acquire();
      condition.notify();
      ::raise(SIGKILL);
    });
    CHECK(exit_status(notifier) == 128 + SIGKILL);
    notified.acquire();
    waiter.join();
    CHECK_FALSE(lock.locked());
  }
}

TEST_CASE("who is notified wakes at once, whatever its notifier does until it dies", "[synchronize][condition][death]") {
  const mp::Lock locks[2], held;
  const mp::Condition conditions[2] = {mp::Condition(locks[0]), mp::Condition(locks[1])};
  const mp::Semaphore waiting(0), never(0);
  const mp::Event unset;
  const mp::RWLock read;
  held.acquire();
  read.acquire_shared();
  const auto wait = [&](const mp::Condition& condition) {
    const std::scoped_lock guard(condition);
    waiting.release();
    condition.wait();
  };
  // In how many of eleven rounds one of the two waiters had to look by itself.
  const auto late = [&](auto run_notifier) {
    int count = 0;
    for (int i = 0; i < 11; ++i) {
      std::thread first(wait, conditions[0]), second(wait, conditions[1]);
      waiting.acquire(), waiting.acquire();
      run_notifier([&] {
        for (const auto& each : conditions) each.acquire(), each.notify();
      });
      const auto died = std::chrono::steady_clock::now();
      first.join();
      second.join();
      if (std::chrono::steady_clock::now() - died > mp::detail::last_resort / 3) ++count;
    }
    return count;
  };
  const auto late_after = [&](auto deed) {
    return late([&](auto notify) {
      Child child([&] {
        notify();
        ::ualarm(10'000, 0);  // kills it where the deed does not end
        deed();
        kill_myself();
      });
      child.join();
    });
  };
  CHECK(late_after([] {}) <= 5);
  CHECK(late_after([&] { conditions[0].release(); }) <= 5);
  CHECK(late_after([&] { conditions[1].release(); }) <= 5);
  CHECK(late_after([] { mp::Lock(); }) <= 5);
  CHECK(late_after([&] { held.acquire(); }) <= 5);
  CHECK(late_after([&] { never.acquire(); }) <= 5);
  CHECK(late_after([&] { unset.wait(); }) <= 5);
  CHECK(late_after([&] { read.acquire(); }) <= 5);
  CHECK(late_after([] { mp::Barrier(2).wait(); }) <= 5);
  CHECK(late_after([] { exit_status(start_child([] {})); }) <= 5);
  CHECK(late([](auto notify) { std::thread(notify).join(); }) <= 5);  // a thread that ends is dead too
}

TEST_CASE("a notification in a barrier's action leaves the barrier what it owes", "[synchronize][condition][death]") {
  const mp::Condition condition{mp::Lock()};
  const mp::Semaphore waiting(0);
  int late = 0;
  for (int i = 0; i < 11; ++i) {
    const mp::Barrier barrier(2, [&] {
      condition.acquire(), condition.notify(), condition.release();
      kill_myself();
    });
    std::thread waiter([&] {
      const std::scoped_lock guard(condition);
      waiting.release();
      condition.wait();
    });
    waiting.acquire();
    Child first([&] {
      try {
        barrier.wait();
      } catch (const mp::BrokenBarrierError&) {
        return 0;
      }
      return 1;
    });
    REQUIRE(wait_until([&] { return barrier.n_waiting() == 1; }));
    first.asleep();
    CHECK(Child([&] { barrier.wait(); }).join() == killed);
    const auto died = std::chrono::steady_clock::now();
    CHECK(first.join() == 0);
    if (std::chrono::steady_clock::now() - died > mp::detail::last_resort / 3) ++late;
    waiter.join();
  }
  CHECK(late <= 5);
}
