// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/process/forkserver.hpp>

#include "process/program.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

#include <multiprocessing/process.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

int loaded = 0;

void load() {
  loaded = ::getpid();
  std::cout << "loaded ";
}
void fail() { throw std::runtime_error("no table"); }

mp::detail::ForkServer& server() { return mp::detail::ForkServer::of_this_process(); }

template <class... Arguments>
mp::ExitCode run(Arguments&&... arguments) {
  mp::Process p({.start_method = "forkserver"}, std::forward<Arguments>(arguments)...);
  p.start();
  p.join();
  return p.exitcode();
}

int many() {
  const char* const asked = std::getenv("MULTIPROCESSING_TEST_STARTS");
  return asked == nullptr ? 100 : std::atoi(asked);
}

}  // namespace

TEST_CASE("Forkserver: the server starts at the first use, has one thread, and serves all", "[process][forkserver]") {
  const Outcome ran = run_program([] {
    std::cout << server().running();
    std::thread idle([] { std::this_thread::sleep_for(1ms); });
    run([] { std::cout << mp::detail::thread_count(); });
    idle.join();
    const pid_t first = server().pid();
    run([] {});
    std::cout << (server().pid() == first) << mp::active_children().size();
    server().stop();
    std::cout << server().running() << (::waitpid(-1, nullptr, 0) == -1);
  });
  CHECK(ran.out == "011001");
}

TEST_CASE("Forkserver: preloads run once, in the server, and what one throws is told", "[process][forkserver]") {
  const Outcome ran = run_program([] {
    mp::set_forkserver_preload({fail, load});
    for (int i = 0; i < 2; ++i) run([](int parent) { std::cout << (loaded != 0 && loaded != parent && loaded != ::getpid()); }, ::getpid());
  });
  CHECK(ran.out == "loaded 11");
  CHECK_THAT(ran.err, contains("set_forkserver_preload") && contains("no table"));
}

TEST_CASE("Forkserver: SIGINT does not end the server, and ends its children", "[process][forkserver]") {
  const Outcome ran = run_program([] {
    run([] {});
    const pid_t before = server().pid();
    ::kill(before, SIGINT);
    std::cout << run([] { ::raise(SIGINT); }) << (server().pid() == before);
  });
  CHECK(ran.out == "-21");
}

TEST_CASE("Forkserver: a server that was killed is started again, and its children go on", "[process][forkserver]") {
  const Outcome ran = run_program([] {
    for (const int signal : {SIGKILL, SIGTERM}) {
      const mp::Event go;
      mp::Process p({.start_method = "forkserver"}, [](mp::Event e) { e.wait(); throw mp::SystemExit(3); }, go);
      p.start();
      const pid_t before = server().pid();
      ::kill(before, signal);
      std::cout << run([] { throw mp::SystemExit(4); }) << (server().pid() != before) << p.is_alive();
      go.set();
      p.join();
      std::cout << p.exitcode() << ' ';
    }
  });
  CHECK(ran.out == "4113 4113 ");
}

TEST_CASE("Forkserver: each start succeeds once, also when the server is killed while it forks", "[process][forkserver]") {
  const Outcome ran = run_program([] {
    mp::get_logger().setLevel(mp::ERROR);
    const mp::Value<int> births(0);
    run([] {});
    std::atomic<bool> stop = false;
    std::thread killer([&] {
      std::minstd_rand random(1);
      while (!stop) {
        const pid_t pid = server().pid();  // waits while a child is born; the kill may hit the next birth anywhere
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 5000));
        if (pid > 0) ::kill(pid, SIGKILL);
      }
    });
    int wrong = 0;
    for (int i = 0; i < many(); ++i) {
      wrong += run([](mp::Value<int> v) {
                 v.value += 1;
                 throw mp::SystemExit(5);
               }, births) != 5;
    }
    stop = true;
    killer.join();
    server().stop();
    std::cout << wrong << (births.get() == many()) << (::waitpid(-1, nullptr, 0) == -1);
  });
  CHECK(ran.out == "011");
}

TEST_CASE("Forkserver: a forked child has a server of its own, and hangs up on its parent's", "[process][forkserver]") {
  const Outcome ran = run_program([] {
    run([] {});
    mp::Process child({.start_method = "fork"}, [parents = server().pid()] {
      std::cout << server().running();
      std::cout << run([] { throw mp::SystemExit(3); }) << (server().pid() != parents);
    });
    child.start();
    child.join();
    std::cout << child.exitcode() << run([] { throw mp::SystemExit(6); });
  });
  CHECK(ran.out == "03106");
}

TEST_CASE("Forkserver: a program that does not take over is an error, not a hang", "[process][forkserver]") {
  const Outcome ran = run_program([] {
    mp::set_executable("/bin/true");
    mp::Process p({.start_method = "forkserver"}, [] {});
    try {
      p.start();
    } catch (const mp::RuntimeError& error) {
      std::cout << error.what();
    }
    std::cout << server().running() << (::waitpid(-1, nullptr, 0) == -1);
  });
  CHECK_THAT(ran.out, contains("the fork server ended 3 times") && contains("?01"));
}
