// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/process/forkserver.hpp>

#include "process/program.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/outside.hpp"

#include <multiprocessing/connection.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/reduction.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

int loaded = 0;

void load() {
  loaded = ::getpid();
  std::cout << "loaded ";
}
void fail() { throw std::runtime_error("no table"); }
void leave() { std::exit(7); }
void crash() { ::raise(SIGABRT); }

/// As a library does that is loaded early: has a lock and a number of its own, made in the server.
const mp::Lock* preloaded_lock = nullptr;
const mp::Value<int>* preloaded_number = nullptr;
void make_handles() {
  preloaded_lock = new mp::Lock();
  preloaded_number = new mp::Value<int>(0);
}
void count_in_preloaded() {
  const std::scoped_lock guard(*preloaded_lock);
  preloaded_number->value += 1;
}

/// The sockets that a process holds, as the kernel numbers them.
std::set<std::string> sockets_of(pid_t pid) {
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    std::error_code closed;  // the folder's own, for one
    const std::string target = std::filesystem::read_symlink(entry, closed).string();
    if (target.starts_with("socket:")) found.insert(target);
  }
  return found;
}

/// The socket by which this process reaches its server.
std::string socket_to_server() {
  const int fd = mp::detail::RuntimeAccess()->fork_server.get();
  return fd == -1 ? "none" : std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)).string();
}

/// Starts `cat` by `way`, which gets as far as reading from the pipe; returns its id.
enum class Way { exec, posix_spawn };
pid_t start_cat(Way way, int input) {
  std::string name = "cat";
  char* arguments[] = {name.data(), nullptr};
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) std::exit(50);
  pid_t pid = -1;
  if (way == Way::exec) {
    pid = static_cast<pid_t>(::syscall(SYS_fork));  // no fork handler gets a chance to close anything
    if (pid == 0) {
      ::dup2(input, STDIN_FILENO);
      ::execvp("cat", arguments);
      ::_exit(51);
    }
  } else {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    if (::posix_spawnp(&pid, "cat", &actions, nullptr, arguments, environ) != 0) std::exit(52);
    ::posix_spawn_file_actions_destroy(&actions);
  }
  ::close(ends[1]);
  char byte;
  (void)!::read(ends[0], &byte, 1);  // its copy of the other end is closed by exec, as all else that is to be
  ::close(ends[0]);
  return pid;
}

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

/// Closes the descriptors from `first` to `last` and opens sockets of the program's own at these numbers, whose other
/// ends it returns.
std::vector<int> replace_by_own(int first, int last) {
  std::vector<int> others;
  for (int fd = first; fd <= last; ++fd) {
    int ends[2];
    demand(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "a pair of sockets");
    const int far = ::fcntl(ends[0], F_DUPFD_CLOEXEC, 1000);
    const int near = ::fcntl(ends[1], F_DUPFD_CLOEXEC, 1000);
    ::close(ends[0]);
    ::close(ends[1]);
    demand(::dup2(near, fd) == fd && ::close(near) == 0, "the number is the program's");
    others.push_back(far);
  }
  return others;
}

/// Whether the near ends are open still, and nothing was written to them.
bool untouched(const std::vector<int>& others) {
  for (const int fd : others) {
    char byte;
    if (::recv(fd, &byte, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN) return false;
  }
  return true;
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

TEST_CASE("Forkserver: what a preload has made all children share, and their own children's servers run it as well",
          "[process][forkserver]") {
  const Outcome ran = run_program([] {
    mp::set_forkserver_preload({make_handles});
    const auto child = [](mp::Connection& out) {
      count_in_preloaded();
      mp::Process inner({.start_method = "forkserver"}, [](mp::Connection& own) {
        count_in_preloaded();
        own.send(preloaded_number->get());
      }, mp::Connection(::dup(out.fileno())));
      inner.start();
      inner.join();
      out.send(preloaded_number->get());
    };
    auto [in, out] = mp::Pipe(false);
    for (int i = 0; i < 2; ++i) {
      run(child, mp::Connection(::dup(out.fileno())));
      const int inner = in.recv<int>(), outer = in.recv<int>();
      std::cout << inner << outer << ' ';
    }
  });
  CHECK(ran == Outcome{0, "11 12 ", ""});
}

TEST_CASE("Forkserver: a server that its preloads end is an error that says so", "[process][forkserver]") {
  const Outcome ran = run_program([] {
    for (void (*const end)() : {leave, crash}) {
      mp::set_forkserver_preload({end});
      try {
        run([] {});
      } catch (const mp::RuntimeError& error) {
        std::cout << error.what() << '\n';
      }
      std::cout << server().running();
    }
    mp::set_forkserver_preload({});
    std::cout << run([] { throw mp::SystemExit(3); });
  });
  CHECK_THAT(ran.out, contains("the fork server ended with exit code 7, before it had forked;") &&
                          contains("ended 3 times, at last by SIGABRT, before it had forked;") && contains("set_forkserver_preload() end it?\n03"));
}

TEST_CASE("Forkserver: nobody but client and server holds an end of their socket", "[process][forkserver]") {
  const Outcome ran = run_program([] {
    run([] {});
    const std::string ours = socket_to_server();
    const auto of_server = sockets_of(server().pid());
    if (of_server.size() != 1 || of_server.contains(ours)) std::cout << "the server holds " << of_server.size() << '\n';
    const auto check = [&](const char* who, pid_t pid, bool client_end = false) {
      for (const std::string& each : sockets_of(pid)) {
        if (of_server.contains(each)) std::cout << who << " holds the server's end\n";
        if ((each == ours) != client_end) std::cout << who << (client_end ? " lacks" : " holds") << " the client's end\n";
      }
      if (client_end && !sockets_of(pid).contains(ours)) std::cout << who << " lacks the client's end\n";
    };
    check("the client", ::getpid(), true);

    for (const char* const method : {"fork", "spawn", "forkserver"}) {
      const mp::Event reached, go;
      mp::Process p({.start_method = method}, [](mp::Event here, mp::Event on) {
        here.set();
        on.wait();
      }, reached, go);
      p.start();
      reached.wait();
      check(method, *p.pid());
      go.set();
      p.join();
    }

    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) std::exit(53);
    for (const Way way : {Way::exec, Way::posix_spawn}) {
      const pid_t pid = start_cat(way, ends[0]);
      check(way == Way::exec ? "an executed program" : "a program by posix_spawn", pid);
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }

    // A fork that no handler saw has the client's end until it first uses the library; and never asks that server.
    int steps[2];
    if (::pipe2(steps, O_CLOEXEC) != 0) std::exit(54);
    const pid_t bare = static_cast<pid_t>(::syscall(SYS_fork));
    if (bare == 0) {
      ::close(ends[1]);
      char byte;
      (void)!::write(steps[1], "1", 1);
      (void)!::read(ends[0], &byte, 1);
      (void)mp::current_process().name();
      (void)!::write(steps[1], "2", 1);
      (void)!::read(ends[0], &byte, 1);
      ::_exit(0);
    }
    char byte;
    (void)!::read(steps[0], &byte, 1);
    check("a bare fork", bare, true);
    (void)!::write(ends[1], "x", 1);
    (void)!::read(steps[0], &byte, 1);
    check("a bare fork that has used the library", bare);
    ::close(ends[1]);
    ::waitpid(bare, nullptr, 0);
    std::cout << run([] { throw mp::SystemExit(4); }) << (socket_to_server() == ours);
  });
  CHECK(ran == Outcome{0, "41", ""});
}

TEST_CASE("Forkserver: descriptors that the server can't hold are an error, and the next start succeeds", "[process][forkserver]") {
  if (sanitizer_needs_descriptors) return;
  const Outcome ran = run_program([] {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 24;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    run([] {});  // the server starts with the low limit
    limit.rlim_cur = before;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    const auto with = [](int count) {
      std::vector<mp::DupFd> all;
      for (int i = 0; i < count; ++i) all.emplace_back(STDOUT_FILENO);
      return run([](std::vector<mp::DupFd> fds) { throw mp::SystemExit(static_cast<int>(fds.size())); }, std::move(all));
    };
    const pid_t pid = server().pid();
    std::cout << with(3) << ' ';
    try {
      with(40);
    } catch (const mp::OSError& error) {
      std::cout << error.what();
    }
    std::cout << ' ' << with(4) << (server().pid() == pid);
    server().stop();
    std::cout << ' ' << with(40);
  });
  CHECK_THAT(ran.out, Catch::StartsWith("3 ") && contains("RLIMIT_NOFILE") && contains(" 41 40"));
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

TEST_CASE(
    "Forkserver: where the program has closed the server's socket, another server is started, and what has its number "
    "is left alone",
    "[process][forkserver]") {
  const Outcome ran = run_program([] {
    run([] {});
    const pid_t first = server().pid();
    const int number = mp::detail::RuntimeAccess()->fork_server.get();
    const std::vector<int> others = replace_by_own(number, number);
    std::cout << run([] { throw mp::SystemExit(4); }) << (server().pid() != first) << (::kill(first, 0) == -1)
              << untouched(others);
    server().stop();
    std::cout << untouched(others) << in_child([] { return mp::detail::RuntimeAccess()->children.empty(); })
              << untouched(others);
  });
  CHECK(ran.out == "4111101");
}

TEST_CASE("Forkserver: where the program has closed all descriptors it is told so, and its own are left alone",
          "[process][forkserver]") {
  const Outcome ran = run_program([] {
    run([] {});
    const std::vector<int> others = replace_by_own(3, 99);
    for (const char* const method : {"forkserver", "forkserver", "spawn"}) {
      mp::Process p({.start_method = method}, [] {});
      try {
        p.start();
        std::cout << "it started ";
      } catch (const mp::RuntimeError& error) {
        std::cout << (std::string(error.what()).find("the descriptor of the shared memory") != std::string::npos);
      }
    }
    std::cout << server().running() << (::waitpid(-1, nullptr, 0) == -1);
    const mp::Value<int> number(1);
    mp::Process p({.start_method = "fork"}, [&] { number.value += 1; });
    p.start();
    p.join();
    std::cout << number.value << p.exitcode() << untouched(others);
  });
  CHECK(ran.out == "11101201");
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
  CHECK_THAT(ran.out, contains("the fork server ended with exit code 0, before") && contains("?01"));
}
