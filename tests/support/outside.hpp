// SPDX-License-Identifier: BSL-1.0
/// \file
/// What tests of the arena need that must not come from the arena: shared memory of their own, unusual children, and
/// faults.
#pragma once

#include "support/child.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <concepts>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <fstream>
#include <new>
#include <stdexcept>
#include <string>

/// Ends a child's body with this sentence on stderr unless `right`.
inline void demand(bool right, const std::string& sentence) {
  if (!right) throw std::runtime_error("not so: " + sentence);
}

/// Runs `call`, which must throw an E whose message holds `text`.
template <class E, std::invocable Call>
void demand_throws(Call call, const std::string& text) {
  try {
    call();
  } catch (const E& error) {
    demand(std::string(error.what()).find(text) != std::string::npos,
           "'" + std::string(error.what()) + "' tells of '" + text + "'");
    return;
  }
  throw std::runtime_error("not so: it throws, with '" + text + "'");
}

/// A T that all children made from now on share, in a mapping of its own.
template <class T>
class Outside {
 public:
  Outside() : at_(new (map()) T{}) {}
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;
  ~Outside() { ::munmap(at_, sizeof(T)); }

  T& operator*() const { return *at_; }
  T* operator->() const { return at_; }

 private:
  static void* map() {
    void* at = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw std::bad_alloc();
    return at;
  }
  T* at_;
};

/// Steps that processes reach in turn and wait for.
class Steps {
 public:
  void reach(int step) {  // never back
    int reached = reached_->load();
    while (reached < step && !reached_->compare_exchange_weak(reached, step)) {
    }
  }
  bool await(int step) const {
    return wait_until([&] { return reached_->load() >= step; });
  }

 private:
  Outside<std::atomic<int>> reached_;
};

/// Runs `body` to its end in the child that `made` 0 for; returns as start_child() does.
template <std::invocable Body>
pid_t live(pid_t made, Body body) {
  if (made != 0) return made;
  std::signal(SIGALRM, SIG_DFL);
  ::alarm(30);
  try {
    body();
    ::_exit(0);
  } catch (const std::exception& error) {
    const std::string line = std::string("a child threw: ") + error.what() + "\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
    ::_exit(threw);
  }
}

/// A child by _Fork(), which calls nobody's fork handlers.
template <std::invocable Body>
pid_t start_by_underscore_fork(Body body) {
  return live(::_Fork(), body);
}

/// A child by the bare system call, which glibc never hears of. `flags` as CLONE_NEWPID.
template <std::invocable Body>
pid_t start_by_clone(Body body, unsigned long flags = 0) {
  return live(static_cast<pid_t>(::syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0)), body);
}

/// Kills a child and waits for it.
inline void kill_child(pid_t child) {
  ::kill(child, SIGKILL);
  exit_status(child);
}

/// The state of a thread as /proc says: R runs, S sleeps, T is stopped, Z is a zombie; '-' for none.
inline char state_of(pid_t thread) {
  std::ifstream file("/proc/" + std::to_string(thread) + "/stat");
  std::string text;
  std::getline(file, text);
  const auto at = text.rfind(')');
  return at == std::string::npos || at + 2 >= text.size() ? '-' : text[at + 2];
}
/// Waits until a thread sleeps, which a waiter does only in the kernel.
inline bool falls_asleep(pid_t thread) {
  return wait_until([&] { return state_of(thread) == 'S'; });
}

/// From now on the system call `number` fails with `error` in this process; only for children.
inline void refuse_system_call(unsigned number, int error) {
  std::array<sock_filter, 4> code{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  demand(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0,
         "a system call can be refused by a filter");
}

/// Lowers a soft limit of this process; only for children.
inline void limit(decltype(RLIMIT_AS) what, rlim_t to) {
  rlimit now{};
  ::getrlimit(what, &now);
  now.rlim_cur = to;
  demand(::setrlimit(what, &now) == 0, "the limit can be lowered");
}
