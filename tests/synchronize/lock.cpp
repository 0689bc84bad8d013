// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/synchronize/lock.hpp>

#include "support/catch.hpp"
#include "support/fresh_arena.hpp"

#include <multiprocessing/arena/debug_dump.hpp>
#include <multiprocessing/arena/size.hpp>

#include <sys/time.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>
#include <type_traits>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

const mp::Lock global_lock;  // made before main

void take_global_lock(int) {
  if (global_lock.acquire(false)) global_lock.release();
}

/// Takes a lock while static objects are destroyed, after Catch2 is done.
struct AtExit {
  ~AtExit() {
    lock.acquire();
    lock.release();
    global_lock.acquire();
    global_lock.release();
  }
  mp::Lock lock;
};

std::string text_of(const mp::Lock& lock) {
  std::ostringstream out;
  out << lock;
  return out.str();
}
bool taken_in_child(const mp::Lock& lock, mp::Timeout timeout = false) {
  return in_child([&] { return lock.acquire(timeout); }) == 0;
}
std::uint64_t saved_by_tick() { return mp::detail::the_arena().header().saved_by_tick; }

/// A child that holds a lock until it is killed.
struct Holder {
  explicit Holder(const mp::Lock& lock)
      : pid(start_child([&] {
          lock.acquire();
          steps.reach(1);
          for (;;) ::pause();
        })) {
    REQUIRE(steps.await(1));
  }
  Steps steps;
  pid_t pid;
};

/// A child that waits for a lock, and asleep.
pid_t start_waiter(const mp::Lock& lock, mp::Timeout timeout = std::nullopt) {
  const pid_t child = start_child([&lock, timeout] { return lock.acquire(timeout); });
  std::string text;
  REQUIRE(wait_until([&] {
    std::ostringstream dump;
    mp::debug_dump(dump);
    return dump.str().find("thread " + std::to_string(child) + ": waits for Lock") != std::string::npos;
  }));
  REQUIRE(falls_asleep(child));
  return child;
}

}  // namespace

// Python's own tests, by meaning.

TEST_CASE("Lock: test_lock: is taken once, and a release too many is a ValueError", "[synchronize][lock]") {
  const mp::Lock lock;
  CHECK(lock.acquire());
  CHECK_FALSE(lock.acquire(false));
  CHECK_NOTHROW(lock.release());
  CHECK_THROWS_AS(lock.release(), mp::ValueError);
  CHECK_THROWS_WITH(lock.release(), contains("semaphore or lock released too many times"));
  CHECK(lock.acquire(false));  // a release too many changed nothing
  lock.release();
}

TEST_CASE("Lock: test_lock_locked_2processes: is seen locked by a child, and free again", "[synchronize][lock]") {
  const mp::Lock lock;
  CHECK_FALSE(lock.locked());
  CHECK(in_child([&] { return !lock.locked(); }) == 0);
  const Holder holder(lock);
  CHECK(lock.locked());
  CHECK(in_child([&] { return lock.locked(); }) == 0);
  kill_child(holder.pid);
  CHECK_FALSE(lock.locked());
}

TEST_CASE("Lock: test_lock_context: a guard takes it and gives it back", "[synchronize][lock]") {
  const mp::Lock lock;
  {
    const std::scoped_lock guard(lock);
    CHECK(lock.locked());
  }
  CHECK_FALSE(lock.locked());
}

TEST_CASE("Lock: timeouts are Python's: absent, positive, zero, negative, and block", "[synchronize][lock]") {
  const mp::Lock lock;
  for (const mp::Timeout timeout : {mp::Timeout(), mp::Timeout(std::nullopt), mp::Timeout(true), mp::Timeout(1h),
                                    mp::Timeout(10ms), mp::Timeout(0s), mp::Timeout(-1s), mp::Timeout(false)}) {
    CHECK(lock.acquire(timeout));
    lock.release();
  }
  lock.acquire();
  CHECK_FALSE(lock.acquire(false));
  CHECK_FALSE(lock.acquire(0s));
  CHECK_FALSE(lock.acquire(-5s));
  CHECK_FALSE(lock.acquire(std::chrono::hours::min()));
  const auto start = std::chrono::steady_clock::now();
  CHECK_FALSE(lock.acquire(30ms));
  CHECK(std::chrono::steady_clock::now() - start >= 30ms);
  CHECK_FALSE(lock.acquire(std::chrono::duration<double>(0.001)));
  lock.release();
}

TEST_CASE("Lock: a wait for longer than a sleep's last resort ends by the release or by the time",
          "[synchronize][lock]") {
  const mp::Lock lock;
  lock.acquire();
  const pid_t patient = start_waiter(lock, 20s);
  const auto start = std::chrono::steady_clock::now();
  CHECK_FALSE(lock.acquire(200ms));
  CHECK(std::chrono::steady_clock::now() - start >= 200ms);
  lock.release();
  CHECK(exit_status(patient) == 0);
}

TEST_CASE("Lock: anyone may release it: another thread, a child, a parent", "[synchronize][lock]") {
  const mp::Lock lock;
  lock.acquire();
  std::thread([&] { lock.release(); }).join();
  CHECK_FALSE(lock.locked());
  lock.acquire();
  CHECK(in_child([&] { lock.release(); }) == 0);
  CHECK_FALSE(lock.locked());
  const Holder holder(lock);
  lock.release();
  CHECK(lock.acquire(false));
  lock.release();
  kill_child(holder.pid);
}

TEST_CASE("Lock: a release by another wakes the waiter", "[synchronize][lock]") {
  const mp::Lock lock;
  lock.acquire();
  const pid_t waiter = start_waiter(lock);
  CHECK(in_child([&] { lock.release(); }) == 0);
  CHECK(exit_status(waiter) == 0);
}

TEST_CASE("Lock: is Lockable and timed, for all that the standard library has", "[synchronize][lock]") {
  const mp::Lock first, second;
  {
    const std::scoped_lock both(first, second);
    CHECK_FALSE(first.try_lock());
    CHECK_FALSE(second.try_lock_for(1ms));
    CHECK_FALSE(second.try_lock_until(std::chrono::steady_clock::now() + 1ms));
    CHECK_FALSE(second.try_lock_until(std::chrono::system_clock::now() + 1ms));
    CHECK_FALSE(second.try_lock_until(std::chrono::steady_clock::time_point::min()));
  }
  CHECK(std::try_lock(first, second) == -1);
  std::unique_lock<const mp::Lock> held(first, std::adopt_lock);
  const std::lock_guard<const mp::Lock> other(second, std::adopt_lock);
  held.unlock();
  CHECK(held.try_lock_for(1h));
  held.unlock();
  CHECK(held.try_lock_until(std::chrono::steady_clock::time_point::max()));
}

TEST_CASE("Lock: locks, tries and is shared by const handles, as a lambda captures them", "[synchronize][lock]") {
  const mp::Lock lock;
  const auto work = [lock] {
    lock.acquire();
    lock.release();
    return lock.locked();
  };
  CHECK_FALSE(work());
  STATIC_REQUIRE(std::is_copy_constructible_v<mp::Lock> && std::is_copy_assignable_v<mp::Lock>);
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<mp::Lock> && std::is_nothrow_move_assignable_v<mp::Lock>);
}

TEST_CASE("Lock: copies and moved-from handles are the same lock; = rebinds", "[synchronize][lock]") {
  mp::Lock lock;
  const mp::Lock copy = lock;
  const mp::Lock moved = std::move(lock);
  CHECK(copy == moved);
  CHECK(lock == moved);
  copy.acquire();
  CHECK(lock.locked());
  mp::Lock other;
  CHECK_FALSE(other == copy);
  CHECK_FALSE(other.locked());
  other = copy;
  CHECK(other == copy);
  CHECK(other.locked());
  other.release();
  CHECK_FALSE(copy.locked());
}

TEST_CASE("Lock: may be global and static, and is used to the very end of the process", "[synchronize][lock]") {
  static const AtExit at_exit;
  CHECK(global_lock.acquire());
  global_lock.release();
  CHECK(in_child([] {
          static const AtExit in_child_at_exit;
          std::exit(0);
        }) == 0);
}

TEST_CASE("Lock: its text tells the holder, or None", "[synchronize][lock]") {
  const mp::Lock lock;
  CHECK(text_of(lock) == "<Lock(owner=None)>");
  lock.acquire();
  CHECK_THAT(text_of(lock), contains("<Lock(owner=") && contains(std::to_string(::getpid())));
  lock.release();
  const Holder holder(lock);
  CHECK_THAT(text_of(lock), contains("<Lock(owner=") && contains(std::to_string(holder.pid)));
  kill_child(holder.pid);
  CHECK(text_of(lock) == "<Lock(owner=None)>");
}

TEST_CASE("Lock: a killed holder's lock is taken by who waits, at once, and owner_died() says so until it is released",
          "[synchronize][lock]") {
  const mp::Lock lock;
  const Holder holder(lock);
  const std::uint64_t saved = saved_by_tick();
  Steps steps;
  const pid_t waiter = start_child([&] {
    steps.reach(1);
    lock.acquire();
    demand(lock.owner_died(), "it is told");
    lock.release();
    demand(!lock.owner_died(), "until it is released");
    lock.acquire();
    demand(!lock.owner_died(), "and not any more");
  });
  REQUIRE(steps.await(1));
  REQUIRE(falls_asleep(waiter));
  CHECK_FALSE(lock.owner_died());
  kill_child(holder.pid);
  CHECK(exit_status(waiter) == 0);
  CHECK(saved_by_tick() == saved);
}

TEST_CASE("Lock: each who takes it over from the dead is told, however many die", "[synchronize][lock]") {
  const mp::Lock lock;
  for (int i = 0; i < 5; ++i) {
    CHECK(in_child([&] {
            lock.acquire();
            demand(lock.owner_died() == (i > 0), "told from the second on");
          }) == 0);
  }
  CHECK(lock.acquire());
  CHECK(lock.owner_died());
  lock.release();
}

TEST_CASE("Lock: waiters that are killed hold nobody up", "[synchronize][lock]") {
  const mp::Lock lock;
  lock.acquire();
  const pid_t first = start_waiter(lock), second = start_waiter(lock), third = start_waiter(lock);
  kill_child(second);
  kill_child(first);
  lock.release();
  CHECK(exit_status(third) == 0);
}

TEST_CASE("Lock: a thread that ends as its holder counts as dead", "[synchronize][lock]") {
  const mp::Lock lock;
  std::thread([&] { lock.acquire(); }).join();
  CHECK_FALSE(lock.locked());
  CHECK(lock.acquire(false));
  CHECK(lock.owner_died());
  lock.release();
}

TEST_CASE("Lock: a process that ends in order as its holder counts as dead, too", "[synchronize][lock]") {
  const mp::Lock lock;
  CHECK(in_child([&] {
          lock.acquire();
          std::exit(0);
        }) == 0);
  CHECK(lock.acquire(false));
  CHECK(lock.owner_died());
  lock.release();
}

TEST_CASE("Lock: a holder that executes another program counts as dead", "[synchronize][lock]") {
  const mp::Lock lock;
  lock.acquire();
  Steps steps;
  const pid_t child = start_child([&] {
    steps.reach(1);
    lock.acquire();
    ::execl("/bin/sleep", "sleep", "20", nullptr);
  });
  REQUIRE(steps.await(1));
  lock.release();
  CHECK(wait_until([&] {
    if (!lock.acquire(false)) return false;
    const bool died = lock.owner_died();
    lock.release();
    return died;
  }));
  CHECK(state_of(child) != 'Z');  // it lives on, as something else
  kill_child(child);
}

TEST_CASE("Lock: a holder that is a zombie is dead, one that is stopped is not", "[synchronize][lock]") {
  const mp::Lock lock;
  const Holder holder(lock);
  ::kill(holder.pid, SIGSTOP);
  REQUIRE(wait_until([&] { return state_of(holder.pid) == 'T'; }));
  CHECK(lock.locked());
  CHECK_FALSE(lock.acquire(50ms));
  ::kill(holder.pid, SIGKILL);
  REQUIRE(wait_until([&] { return state_of(holder.pid) == 'Z'; }));
  CHECK(lock.acquire(false));
  CHECK(lock.owner_died());
  lock.release();
  exit_status(holder.pid);
}

TEST_CASE("Lock: held across a fork it is held once, by the parent; the child may give it back",
          "[synchronize][lock]") {
  const mp::Lock lock;
  lock.acquire();
  CHECK_FALSE(taken_in_child(lock));
  CHECK_FALSE(taken_in_child(lock, 5ms));
  CHECK(lock.locked());  // the end of a child that inherited the holder's memory is not the holder's
  CHECK(in_child([&] { lock.release(); }) == 0);
  CHECK_FALSE(lock.locked());
}

TEST_CASE("Lock: a name that was reused, of a process or of a thread's slot, is not taken for the holder",
          "[synchronize][lock]") {
  const mp::Lock lock;
  REQUIRE(in_child([&] { lock.acquire(); }) == 0);
  // Those who live in the dead one's slot by now; in a namespace of its own, one of them also has its process id.
  for (int i = 0; i < 100; ++i) std::thread([] { mp::detail::this_thread(); }).join();
  CHECK_FALSE(lock.locked());
  CHECK(lock.acquire(false));
  CHECK(lock.owner_died());
  lock.release();
}

TEST_CASE("Lock: holders of the same process id in different namespaces are told apart", "[synchronize][lock]") {
  if (::geteuid() != 0) {
    WARN("skipped: a process id namespace needs root");
    return;
  }
  const mp::Lock lock;
  Steps steps;
  const auto hold = [&](int step) {
    return start_by_clone(
        [&lock, &steps, step] {
          demand(::getpid() == 1, "it is the first of its namespace");
          if (step == 1) lock.acquire();
          mp::detail::this_thread();
          steps.reach(step);
          for (;;) ::pause();
        },
        CLONE_NEWPID);
  };
  const pid_t first = hold(1);
  REQUIRE(steps.await(1));
  const pid_t second = hold(2);
  REQUIRE(steps.await(2));
  CHECK(lock.locked());
  kill_child(second);
  CHECK(lock.locked());
  CHECK_FALSE(lock.acquire(5ms));
  kill_child(first);
  CHECK(lock.acquire());
  CHECK(lock.owner_died());
  lock.release();
}

TEST_CASE("Lock: children of every kind lock, and die holding, and the others go on", "[synchronize][lock]") {
  const mp::Lock lock;
  const auto body = [&] {
    demand(lock.acquire(20s), "the child can take it");
    lock.release();
    demand(lock.acquire(20s), "and again");
    ::raise(SIGKILL);
  };
  for (int kind = 0; kind < 3; ++kind) {
    CAPTURE(kind);
    const pid_t child = kind == 0   ? start_child(body)
                        : kind == 1 ? start_by_underscore_fork(body)
                                    : start_by_clone(body);
    CHECK(exit_status(child) == 128 + SIGKILL);
    CHECK(lock.acquire(false));
    CHECK(lock.owner_died());
    lock.release();
  }
}

TEST_CASE("Lock: a waiter is woken by the death of a child of the bare clone call", "[synchronize][lock]") {
  const mp::Lock lock;
  Steps steps;
  const pid_t child = start_by_clone([&] {
    lock.acquire();
    steps.reach(1);
    for (;;) ::pause();
  });
  REQUIRE(steps.await(1));
  const std::uint64_t saved = saved_by_tick();
  const pid_t waiter = start_waiter(lock);
  kill_child(child);
  CHECK(exit_status(waiter) == 0);
  CHECK(saved_by_tick() == saved);
}

TEST_CASE("Lock: a child by _Fork that nobody knew of hears that its lock is gone", "[synchronize][lock]") {
  std::optional<mp::Lock> lock(std::in_place);
  Steps steps;
  const pid_t child = start_by_underscore_fork([&] {
    steps.await(1);
    demand_throws<mp::StaleHandle>([&] { lock->acquire(); }, "keep a handle in the maker");
    demand_throws<mp::StaleHandle>([&] { lock->release(); }, "gone");
    demand_throws<mp::StaleHandle>([&] { lock->locked(); }, "gone");
  });
  lock.reset();
  steps.reach(1);
  CHECK(exit_status(child) == 0);
}

TEST_CASE("Lock: a child keeps it although its maker has let it go, or was killed", "[synchronize][lock]") {
  const std::size_t before = mp::arena_usage().objects;
  const bool killed = GENERATE(false, true);
  CAPTURE(killed);
  Steps steps;
  Outside<std::atomic<pid_t>> grandchild;
  const pid_t maker = start_child([&] {
    std::optional<mp::Lock> lock(std::in_place);
    *grandchild = start_child([&] {
      steps.await(1);
      lock->acquire();
      lock->release();
      steps.reach(2);
      for (;;) ::pause();
    });
    if (!killed) lock.reset();
    steps.reach(1);
    for (;;) ::pause();
  });
  REQUIRE(wait_until([&] { return *grandchild != 0; }));
  if (killed) kill_child(maker);
  steps.reach(1);
  CHECK(steps.await(2));
  CHECK(mp::arena_usage().objects == before + 1);
  ::kill(*grandchild, SIGKILL);
  if (!killed) kill_child(maker);
  CHECK(wait_until([&] { return mp::arena_usage().objects == before; }));
}

TEST_CASE("Lock: where futex_waitv is refused, a death is noticed all the same", "[synchronize][lock]") {
  const mp::Lock lock;
  const Holder holder(lock);
  Steps steps;
  const pid_t waiter = start_child([&] {
    refuse_system_call(mp::detail::os::sys_futex_waitv, ENOSYS);
    steps.reach(1);
    return lock.acquire();
  });
  REQUIRE(steps.await(1));
  REQUIRE(falls_asleep(waiter));
  kill_child(holder.pid);
  CHECK(exit_status(waiter) == 0);
}

TEST_CASE("Lock: threads of one process exclude each other", "[synchronize][lock]") {
  const mp::Lock lock;
  int count = 0, died = 0;  // not atomic: the lock alone keeps the threads apart
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 3000; ++i) {
        if (t == 0 && i % 100 == 0) {
          std::thread([&] {
            lock.acquire();
            ++count;  // and ends holding it
          }).join();
          continue;
        }
        const std::scoped_lock guard(lock);
        if (lock.owner_died()) ++died;
        ++count;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(count == 12'000);
  CHECK(died > 0);
}

TEST_CASE("Lock: processes exclude each other", "[synchronize][lock]") {
  const mp::Lock lock;
  Outside<int> count;
  std::vector<pid_t> children;
  for (int c = 0; c < 4; ++c) {
    children.push_back(start_child([&] {
      for (int i = 0; i < 5000; ++i) {
        const std::scoped_lock guard(lock);
        ++*count;
      }
    }));
  }
  for (const pid_t child : children) CHECK(exit_status(child) == 0);
  CHECK(*count == 20'000);
}

TEST_CASE("Lock: any number can be made and let go", "[synchronize][lock]") {
  const mp::ArenaUsage before = mp::arena_usage();
  {
    std::vector<mp::Lock> locks(20'000);
    for (const mp::Lock& lock : locks) lock.acquire();
    CHECK(mp::arena_usage().objects == before.objects + 20'000);
  }
  CHECK(mp::arena_usage().objects == before.objects);
  CHECK(mp::arena_usage().used == before.used);
}

TEST_CASE("Lock: one that finds no room in the arena says so", "[synchronize][lock]") {
  CHECK(in_fresh_arena([] {
          mp::set_arena_size(1 << 20);
          std::vector<mp::Lock> locks;
          demand_throws<mp::ArenaFull>(
              [&] {
                for (;;) locks.emplace_back();
              },
              "of 1048576 are free");
          for (const mp::Lock& lock : locks) demand(lock.acquire(false), "those that were made work");
          locks.clear();
          const mp::Lock again;
        }) == 0);
}

TEST_CASE("who takes a lock just when its time is up is not counted as saved by the tick", "[synchronize][lock]") {
  const mp::Lock lock;
  const auto& saved = mp::detail::the_arena().header().saved_by_tick;
  const std::uint64_t before = saved;
  const auto work = [&] {
    for (int i = 0; i < 1000; ++i) {
      if (!lock.acquire(std::chrono::microseconds(i))) continue;
      const auto until = std::chrono::steady_clock::now() + 200us;
      while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
      lock.release();
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(work);
  for (auto& each : threads) each.join();
  CHECK(saved == before);
}

TEST_CASE("a signal handler may try the lock of its thread at any instruction", "[synchronize][lock]") {
  const auto work = [] {
    std::signal(SIGPROF, take_global_lock);
    const itimerval often{{0, 50}, {0, 50}};
    ::setitimer(ITIMER_PROF, &often, nullptr);
    for (int i = 0; i < 1'000'000; ++i) {
      global_lock.acquire();
      if (!global_lock.locked()) return false;
      global_lock.release();
    }
    return true;
  };
  CHECK(in_child(work) == 0);
}
