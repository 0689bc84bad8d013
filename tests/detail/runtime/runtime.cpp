// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/runtime/runtime.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

namespace detail = multiprocessing::detail;
using detail::RuntimeAccess;
using namespace std::chrono_literals;

TEST_CASE("Runtime: a fork waits for another thread that uses it, so the child's is whole", "[runtime][runtime]") {
  CHECK(in_child(
            [] {
              std::atomic<bool> held = false;
              std::thread thread([&] {
                const RuntimeAccess access;
                held = true;
                std::this_thread::sleep_for(50ms);
              });
              while (!held) std::this_thread::yield();
              // By a signal: at a normal end ThreadSanitizer misses the parent's thread in the child.
              const int status = in_child(
                  [] {
                    if (RuntimeAccess()->pid == ::getpid()) ::raise(SIGKILL);
                  },
                  5s);
              thread.join();
              return status == 128 + SIGKILL;
            },
            20s) == 0);
}

TEST_CASE("Runtime: a child has no children, no finalizers and no end in progress, however it was forked",
          "[runtime][runtime]") {
  CHECK(in_child([] {
          const auto key = [] {
            const RuntimeAccess access;
            access->exiting = access->exit_hooked = access->warned_of_threads = true;
            return access->finalizers.add(0, [] {});
          }();
          const auto looks_new = [&] {
            const RuntimeAccess access;
            return access->pid == ::getpid() && access->children.empty() && !access->finalizers.contains(key) &&
                   !access->exiting && !access->exit_hooked && !access->warned_of_threads;
          };
          if (in_child(looks_new) != 0) return 1;
          const auto pid = static_cast<pid_t>(::syscall(SYS_fork));  // no handler sees it
          if (pid == 0) ::_exit(looks_new() ? 0 : 1);
          if (exit_status(pid) != 0) return 2;
          const RuntimeAccess access;
          return access->exiting && access->finalizers.contains(key) ? 0 : 3;
        }) == 0);
}

TEST_CASE("Runtime: the authkey is drawn once and shared by children", "[runtime][runtime]") {
  CHECK(in_child([] {
          const auto key = detail::own_authkey();
          return key->size() == 32 && detail::own_authkey() == key &&
                 in_child([&] { return *detail::own_authkey() == *key; }) == 0;
        }) == 0);
}
