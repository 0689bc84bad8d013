// SPDX-License-Identifier: BSL-1.0
/// \file
/// No primitive makes a system call where nobody waits: children that may make none but the one that ends them.
#include <multiprocessing/synchronize.hpp>

#include "support/catch.hpp"
#include "support/outside.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace mp = multiprocessing;

/// From now on a system call ends this process by SIGSYS, unless it is the one by which it ends itself.
void forbid_system_calls() {
  std::array<sock_filter, 4> code{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  }};
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  demand(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0,
         "system calls can be refused by a filter");
}

/// How a child ends that has run `body` once, and then runs it again without system calls.
int run_without(const std::function<void()>& body) {
  return in_child([&] {
    body();  // the first use of all makes a slot for the thread, and asks for the number of processors
    forbid_system_calls();
    for (int i = 0; i < 100; ++i) body();
    ::_exit(0);  // by exit_group, and at once
  });
}

constexpr int by_a_system_call = 128 + SIGSYS;

}  // namespace

TEST_CASE("where nobody waits no primitive makes a system call", "[contract][synchronize]") {
  const mp::Lock lock;
  const mp::RLock rlock;
  const mp::Semaphore semaphore(2), signal(0);
  const mp::BoundedSemaphore bounded(1);
  const mp::Event event;
  const mp::Condition condition;
  const mp::Barrier barrier(1);
  const mp::RWLock rwlock;
  signal.release();  // a foreign release: from now on it is a signal
  signal.acquire();

  const std::vector<std::pair<std::string, std::function<void()>>> operations{
      {"Lock", [&] { lock.acquire(), lock.locked(), lock.release(); }},
      {"Lock, at once", [&] { lock.acquire(false), lock.acquire(false), lock.release(); }},
      {"RLock", [&] { rlock.acquire(), rlock.acquire(), rlock.release(), rlock.release(); }},
      {"Semaphore", [&] { semaphore.acquire(), semaphore.get_value(), semaphore.release(); }},
      {"Semaphore, at once",
       [&] { semaphore.acquire(), semaphore.acquire(), semaphore.acquire(false), semaphore.release(2); }},
      {"Semaphore as a signal", [&] { signal.release(), signal.acquire(), signal.acquire(false); }},
      {"BoundedSemaphore", [&] { bounded.acquire(), bounded.release(); }},
      {"Event", [&] { event.set(), event.wait(), event.is_set(), event.clear(), event.wait(false); }},
      {"Condition", [&] { condition.acquire(), condition.notify(), condition.notify_all(), condition.release(); }},
      {"Condition, wait_for",
       [&] { condition.acquire(), condition.wait_for([] { return true; }), condition.release(); }},
      {"Barrier", [&] { barrier.wait(), barrier.n_waiting(), barrier.reset(); }},
      {"Barrier, broken", [&] { barrier.abort(), barrier.broken(), barrier.reset(); }},
      {"RWLock, read", [&] { rwlock.acquire_shared(), rwlock.release_shared(); }},
      {"RWLock, write", [&] { rwlock.acquire(), rwlock.acquire_shared(false), rwlock.release(); }},
  };
  for (const auto& [name, operation] : operations) {
    INFO(name);
    CHECK(run_without(operation) == 0);
  }
}

TEST_CASE("the filter sees a system call where somebody waits", "[contract][synchronize]") {
  const mp::Event event;
  const auto sleeper = start_child([&] { event.wait(); });
  REQUIRE(falls_asleep(sleeper));
  CHECK(in_child([&] {
          mp::Event().set();  // the first use of all
          forbid_system_calls();
          event.set();
        }) == by_a_system_call);
  CHECK(exit_status(sleeper) == 0);  // by the kernel, in the dead setter's stead
}
