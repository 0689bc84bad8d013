// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/process/functions.hpp>

#include "process/program.hpp"
#include "support/catch.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <string>
#include <vector>

namespace mp = multiprocessing;

TEST_CASE("current_process: it is the main process, or the child that runs", "[process][functions]") {
  const auto ran = run_program([] {
    auto me = mp::current_process();
    std::cout << me.name() << (me.pid() == ::getpid()) << me.is_alive() << me.exitcode() << me.daemon()
              << mp::parent_process().has_value() << (me == mp::current_process()) << '\n';
    mp::Process p({.name = "child", .daemon = true}, [] {
      auto self = mp::current_process();
      std::cout << self.name() << (self.pid() == ::getpid()) << self.is_alive() << self.daemon() << '\n';
      self.name("renamed");
      std::cout << mp::current_process().name() << mp::parent_process()->name()
                << (mp::parent_process()->pid() == ::getppid()) << '\n';
    });
    p.start();
    p.join();
    std::cout << p.name();
  });
  CHECK(ran.out == "MainProcess11None001\nchild111\nrenamedMainProcess1\nchild");
}

TEST_CASE("current_process: closing, joining and starting it is Python's nothing or error", "[process][functions]") {
  const auto ran = run_program([] {
    auto me = mp::current_process();
    me.close();
    std::cout << me.is_alive();
    try {
      me.join();
    } catch (const mp::AssertionError&) {
      std::cout << "join";
    }
    try {
      me.start();
    } catch (const mp::AssertionError&) {
      std::cout << "start";
    }
    try {
      (void)me.sentinel();
    } catch (const mp::ValueError&) {
      std::cout << "sentinel";
    }
  });
  CHECK(ran.out == "1joinstartsentinel");
}

TEST_CASE("parent_process: it can be neither started nor signalled", "[process][functions]") {
  const auto ran = run_program([] {
    mp::Process p([] {
      auto parent = *mp::parent_process();
      std::cout << parent.exitcode() << (parent.pid() == ::getppid());
      for (auto wrong : {&mp::Process::start, &mp::Process::kill}) {
        try {
          (parent.*wrong)();
        } catch (const mp::AssertionError&) {
          std::cout << "refused";
        }
      }
    });
    p.start();
    p.join();
  });
  CHECK(ran.out == "None1refusedrefused");
}

TEST_CASE("active_children: it holds what runs and reaps what has ended", "[process][functions]") {
  const auto ran = run_program([] {
    std::vector<mp::Process> children;
    for (int i = 0; i < 3; ++i)
      children.emplace_back([] {
        for (;;) ::pause();
      }).start();
    mp::Process not_started([] {});
    std::cout << mp::active_children().size() << (mp::active_children()[1] == children[1]);
    children[0].kill();
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(*children[0].pid()), &ended, WEXITED | WNOWAIT);
    std::cout << mp::active_children().size() << (::waitpid(*children[0].pid(), nullptr, 0) == -1)
              << children[0].exitcode();
    for (auto& each : mp::active_children()) {
      each.terminate();
      each.join();
    }
    std::cout << mp::active_children().size() << children[2].exitcode();
  });
  CHECK(ran.out == "3121-90-15");
}

TEST_CASE("active_children: starting a process reaps those that have ended", "[process][functions]") {
  const auto ran = run_program([] {
    mp::Process first([] {});
    first.start();
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(*first.pid()), &ended, WEXITED | WNOWAIT);
    mp::Process second([] {});
    second.start();
    std::cout << (::waitpid(*first.pid(), nullptr, 0) == -1) << first.exitcode();
    second.join();
  });
  CHECK(ran.out == "10");
}

TEST_CASE("cpu_count: it is the machine's, whatever this process may use", "[process][functions]") {
  CHECK(mp::cpu_count() == ::sysconf(_SC_NPROCESSORS_ONLN));
}
