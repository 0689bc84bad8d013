// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/process/fork.hpp>

#include <multiprocessing/detail/runtime/hooks.hpp>
#include <multiprocessing/process/functions.hpp>
#include <multiprocessing/util.hpp>

#include "process/program.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <new>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

[[noreturn]] void sleep_for_ever() {
  for (;;) ::pause();
}

template <class Target>
void run_in_process(Target target) {
  mp::Process p(target);
  p.start();
  p.join();
}

struct AtExit {
  const char* text;
  ~AtExit() { std::cout << text << '\n'; }
};

/// Some numbers that a test shares with all processes below it.
class SharedNumbers {
 public:
  SharedNumbers()
      : numbers_(static_cast<std::atomic<int>*>(
            ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  SharedNumbers(const SharedNumbers&) = delete;
  SharedNumbers& operator=(const SharedNumbers&) = delete;
  ~SharedNumbers() { ::munmap(numbers_, 4096); }
  std::atomic<int>& operator[](std::size_t i) const { return numbers_[i]; }

 private:
  std::atomic<int>* numbers_;
};

/// Waits for `pid`, which became a child of this process when its parent ended; returns as exit_status() does, -1 if it
/// lives on for a second, and then kills it.
int status_of_orphan(pid_t pid) {
  int status = 0;
  if (!wait_until([&] { return ::waitpid(pid, &status, WNOHANG) == pid; }, 1s)) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
    return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Starts `family`, which starts a child and stores its pid in numbers[0], and those of others behind it; kills it, and
/// returns what became of the child.
template <class Family>
int fate_of_child(Family family) {
  SharedNumbers numbers;
  return in_child([&] {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t parent = start_child([&] {
      family(numbers);
      sleep_for_ever();
    });
    if (!wait_until([&] { return numbers[0] != 0; })) return 90;
    if (::kill(numbers[0], 0) != 0) return 91;
    ::kill(parent, SIGKILL);
    exit_status(parent);
    const int status = status_of_orphan(numbers[0]);
    for (std::size_t i = 1; i < 8; ++i) {
      if (numbers[i] != 0 && numbers[i] != numbers[0]) ::kill(numbers[i], SIGKILL);
    }
    while (::waitpid(-1, nullptr, 0) != -1) {
    }
    return status == -1 ? 92 : status == 128 + SIGKILL ? 1 : 93;
  });
}
constexpr int killed = 1;
constexpr int lived_on = 92;

}  // namespace

TEST_CASE("Fork: text buffered before a fork is written once, and a child's own is written at its end",
          "[process][fork]") {
  const auto ran = run_program([] {
    std::printf("c ");
    std::cout << "cout ";
    std::clog << "clog ";
    std::fputs("stderr ", stderr);
    run_in_process([] {
      std::printf("child's c ");
      std::cout << "child's cout ";
      std::clog << "child's clog ";
    });
    run_in_process([] {
      std::cout << "exit ";
      std::exit(1);
    });
  });
  CHECK(ran == Outcome{0, "c cout child's c child's cout exit ", "clog stderr child's clog "});
}

TEST_CASE("Fork: streams with buffers of their own are flushed once, too", "[process][fork]") {
  const auto ran = run_program([] {
    std::ios::sync_with_stdio(false);
    std::cout << "parent ";
    std::clog << "log ";
    run_in_process([] {
      std::cout << "child ";
      std::clog << "child's log ";
    });
    std::cout << "end";
  });
  CHECK(ran == Outcome{0, "parent child end", "log child's log "});
}

TEST_CASE("Fork: a stdout that nobody reads ends neither parent nor child", "[process][fork]") {
  const auto ran = run_program([] {
    int ends[2];
    if (::pipe(ends) != 0) std::exit(50);
    ::close(ends[0]);
    const int out = ::dup(STDOUT_FILENO);
    ::dup2(ends[1], STDOUT_FILENO);
    mp::Process p([] { std::cout << "for nobody"; });
    p.start();
    p.join();
    ::dup2(out, STDOUT_FILENO);
    std::cout << p.exitcode();
  });
  CHECK(ran.out == "0");
}

TEST_CASE("Fork: a child reads nothing from stdin, neither buffered nor not", "[process][fork]") {
  const auto ran = run_program([] {
    int ends[2];
    if (::pipe(ends) != 0 || ::write(ends[1], "first\nsecond\nthird\n", 19) != 19) std::exit(50);
    ::dup2(ends[0], STDIN_FILENO);
    char line[20];
    if (std::fgets(line, sizeof line, stdin) == nullptr) std::exit(51);  // reads ahead
    std::cout << line;
    run_in_process([] {
      char byte;
      std::string word;
      std::cout << std::getchar() << ::read(STDIN_FILENO, &byte, 1) << static_cast<bool>(std::cin >> word) << '\n';
    });
    if (std::fgets(line, sizeof line, stdin) == nullptr) std::exit(52);
    std::cout << line;
  });
  CHECK(ran.out == "first\n-100\nsecond\n");
}

TEST_CASE("Fork: what an own buffer of std::cin has read ahead stays the parent's", "[process][fork]") {
  const auto ran = run_program([] {
    std::ios::sync_with_stdio(false);
    int ends[2];
    if (::pipe(ends) != 0 || ::write(ends[1], "one two ", 8) != 8) std::exit(50);
    ::dup2(ends[0], STDIN_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    std::string word;
    std::cin >> word;
    run_in_process([] {
      std::string other = "nothing";
      std::cin >> other;
      std::cout << other << ' ';
    });
    std::cin >> word;
    std::cout << word;
  });
  CHECK(ran.out == "nothing two");
}

TEST_CASE("Fork: a program without standard streams starts processes", "[process][fork]") {
  const auto ran = run_program([] {
    const int out = ::fcntl(STDOUT_FILENO, F_DUPFD, 10);
    for (const int fd : {0, 1, 2}) ::close(fd);
    mp::Process p([] { throw mp::SystemExit(::fcntl(STDIN_FILENO, F_GETFD) == -1 ? 1 : 2); });
    p.start();
    p.join();
    mp::Process orphan_guard(sleep_for_ever);
    orphan_guard.start();
    orphan_guard.kill();
    orphan_guard.join();
    ::dup2(out, STDOUT_FILENO);
    std::cout << p.exitcode() << orphan_guard.exitcode();
  });
  CHECK(ran.out == "2-9");
}

TEST_CASE("Fork: a child runs the exit handlers that it registered itself, and no other", "[process][fork]") {
  const auto own_handlers = [] {
    static AtExit own_static{"child's static"};
    std::atexit([] { std::cout << "child's atexit\n"; });
    std::at_quick_exit([] { std::cout << "child's at_quick_exit\n" << std::flush; });
  };
  const auto ran_with = [&](auto end) {
    return run_program([&] {
      static AtExit parents_static{"parent's static"};
      std::atexit([] { std::cout << "parent's atexit\n"; });
      std::at_quick_exit([] { std::cout << "parent's at_quick_exit\n" << std::flush; });
      AtExit local{"parent's local"};
      run_in_process([&] {
        own_handlers();
        end();
      });
      std::cout << "joined\n" << std::flush;
      std::_Exit(0);
    }).out;
  };
  CHECK(ran_with([] {}) == "child's atexit\nchild's static\njoined\n");
  CHECK(ran_with([] { throw 1; }) == "child's atexit\nchild's static\njoined\n");
  CHECK(ran_with([] { std::exit(3); }) == "child's atexit\nchild's static\njoined\n");
  CHECK(ran_with([] { std::quick_exit(3); }) == "child's at_quick_exit\njoined\n");
  CHECK(ran_with([] { std::_Exit(3); }) == "joined\n");
}

TEST_CASE("Fork: what a child forks by itself does not run the parent's exit handlers either", "[process][fork]") {
  const auto ran = run_program([] {
    std::atexit([] { std::cout << "parent's\n"; });
    run_in_process([] {
      std::atexit([] { std::cout << "child's\n"; });
      const pid_t pid = ::fork();
      if (pid == 0) std::exit(4);
      std::cout << exit_status(pid) << '\n';
      std::cout.flush();
      std::_Exit(0);
    });
    std::cout.flush();
    std::_Exit(0);
  });
  CHECK(ran.out == "child's\n4\n");
}

TEST_CASE("Fork: a child never returns into the code that started it", "[process][fork]") {
  const auto ran = run_program([] {
    const pid_t self = ::getpid();
    mp::Process p([] {});
    try {
      p.start();
    } catch (...) {
    }
    if (::getpid() != self) std::cout << "the child came back\n" << std::flush;
    p.join();
    mp::Process q([] { throw mp::AssertionError("x"); });
    try {
      q.start();
    } catch (...) {
      std::cout << "the child's exception came back\n" << std::flush;
    }
    q.join();
    std::cout << "joined\n";
  });
  CHECK(ran.out == "joined\n");
}

TEST_CASE("Fork: a child is killed when its parent is killed, also in a busy loop", "[process][fork]") {
  CHECK(fate_of_child([](SharedNumbers& numbers) {
          static mp::Process p([&] {
            numbers[0] = ::getpid();
            for (volatile unsigned i = 0;;) i = i + 1;
          });
          p.start();
        }) == killed);
}

TEST_CASE("Fork: a child that blocks and ignores every signal is killed with its parent", "[process][fork]") {
  CHECK(fate_of_child([](SharedNumbers& numbers) {
          static mp::Process p([&] {
            sigset_t all;
            ::sigfillset(&all);
            ::sigprocmask(SIG_BLOCK, &all, nullptr);
            for (int signal = 1; signal < NSIG; ++signal) std::signal(signal, SIG_IGN);
            numbers[0] = ::getpid();
            sleep_for_ever();
          });
          p.start();
        }) == killed);
}

TEST_CASE("Fork: the end of the thread that forked does not end the child, the end of the process does",
          "[process][fork]") {
  CHECK(fate_of_child([](SharedNumbers& numbers) {
          static mp::Process p([&] {
            numbers[1] = ::getpid();
            sleep_for_ever();
          });
          mp::get_logger().setLevel(mp::ERROR);  // not the warning about threads
          std::thread([] { p.start(); }).join();
          if (!wait_until([&] { return numbers[1] != 0; })) return;
          if (p.join(50ms)) return;  // it ended with the thread: numbers[0] stays 0
          numbers[0] = numbers[1].load();
        }) == killed);
}

TEST_CASE("Fork: siblings, grandchildren and the program's own forks do not keep an orphan alive", "[process][fork]") {
  CHECK(fate_of_child([](SharedNumbers& numbers) {
          static mp::Process older({.outlive_parent = true}, [&] {
            static mp::Process grandchild({.outlive_parent = true}, [&] {
              numbers[2] = ::getpid();
              sleep_for_ever();
            });
            grandchild.start();
            numbers[1] = ::getpid();
            sleep_for_ever();
          });
          static mp::Process p([&] {
            numbers[3] = ::getpid();
            sleep_for_ever();
          });
          static mp::Process younger({.outlive_parent = true}, [&] {
            numbers[4] = ::getpid();
            sleep_for_ever();
          });
          older.start();
          p.start();
          younger.start();
          if (::fork() == 0) {
            numbers[5] = ::getpid();
            sleep_for_ever();
          }
          if (wait_until([&] { return numbers[1] && numbers[2] && numbers[3] && numbers[4] && numbers[5]; }))
            numbers[0] = numbers[3].load();
        }) == killed);
}

TEST_CASE("Fork: a child with outlive_parent lives on", "[process][fork]") {
  CHECK(fate_of_child([](SharedNumbers& numbers) {
          static mp::Process p({.outlive_parent = true}, [&] {
            numbers[0] = ::getpid();
            sleep_for_ever();
          });
          p.start();
        }) == lived_on);
}

TEST_CASE("Fork: a child whose lifeline served another before is killed, too", "[process][fork]") {
  CHECK(fate_of_child([](SharedNumbers& numbers) {
          for (int i = 0; i < 3; ++i) run_in_process([] {});
          static mp::Process p([&] {
            numbers[0] = ::getpid();
            sleep_for_ever();
          });
          p.start();
        }) == killed);
}

TEST_CASE("Fork: a child may outlive many ends of its siblings", "[process][fork]") {
  const auto ran = run_program([] {
    mp::Process p(sleep_for_ever);
    p.start();
    for (int i = 0; i < 20; ++i) run_in_process([] {});
    std::cout << p.is_alive();
    p.kill();
    p.join();
  });
  CHECK(ran.out == "1");
}

TEST_CASE("Fork: at the end daemons are terminated and all others joined, after and before the finalizers",
          "[process][fork]") {
  const auto ran = run_program([] {
    const auto say = [](const char* text) { std::cout << text << '\n' << std::flush; };
    std::atexit([] { std::cout << "earlier handler\n" << std::flush; });
    static mp::Process daemon({.daemon = true}, [&] {
      std::signal(SIGTERM, [](int) { std::_Exit(::write(STDOUT_FILENO, "daemon terminated\n", 18) == 18 ? 0 : 1); });
      std::cout << "daemon runs\n" << std::flush;
      sleep_for_ever();
    });
    int ends[2];
    if (::pipe(ends) != 0) std::exit(50);
    {
      mp::Process goes_out_of_scope([&, read = ends[0]] {
        char byte;
        if (::read(read, &byte, 1) == 1) say("other ends");
      });
      goes_out_of_scope.start();
    }
    daemon.start();
    mp::Finalize(-5, say, "finalizer -5");
    mp::Finalize(0, say, "finalizer 0");
    mp::Finalize(10, [say, write = ends[1], daemon_pid = *daemon.pid()] {
      say("finalizer 10");
      // The daemon must have its handler before it is terminated; its text tells.
      std::string text(4096, '\0');
      wait_until([&] {
        const ssize_t size = ::pread(STDOUT_FILENO, text.data(), text.size(), 0);
        return text.substr(0, static_cast<std::size_t>(size)).find("daemon runs") != text.npos;
      });
      (void)!::write(write, "x", 1);
      wait_until([&] {
        const ssize_t size = ::pread(STDOUT_FILENO, text.data(), text.size(), 0);
        return text.substr(0, static_cast<std::size_t>(size)).find("other ends") != text.npos;
      });
    });
  });
  // Where the texts of several processes follow each other the file keeps their order.
  const auto at = [&](const char* text) { return ran.out.find(text); };
  CHECK(at("finalizer 10") < at("other ends"));
  CHECK(at("other ends") < at("finalizer 0"));
  CHECK(at("finalizer 0") < at("daemon terminated"));
  CHECK(at("daemon terminated") < at("finalizer -5"));
  CHECK(at("finalizer -5") < at("earlier handler"));
  CHECK(at("earlier handler") != ran.out.npos);
}

TEST_CASE("Fork: the program waits at its end for a process that nobody joined", "[process][fork]") {
  const auto ran = run_program([] {
    mp::Process p([] {
      std::this_thread::sleep_for(50ms);
      std::cout << "still done\n";
    });
    p.start();
  });
  CHECK(ran.out == "still done\n");
}

TEST_CASE("Fork: a daemon that does not obey is killed when the program ends", "[process][fork]") {
  const auto ran = run_program([] {
    SharedNumbers ready;
    mp::Process p({.daemon = true}, [&] {
      std::signal(SIGTERM, SIG_IGN);
      ready[0] = 1;
      sleep_for_ever();
    });
    p.start();
    wait_until([&] { return ready[0] == 1; });
  });
  CHECK(ran.status == 0);
}

TEST_CASE("Fork: a child, too, ends its daemons and joins its other children, whichever way it ends",
          "[process][fork]") {
  const auto child_ends = [](auto end) {
    return run_program([&] {
             run_in_process([&] {
               mp::Process daemon({.daemon = true}, sleep_for_ever);
               mp::Process other([] {
                 std::this_thread::sleep_for(30ms);
                 std::cout << "other done\n";
               });
               daemon.start();
               other.start();
               end();
             });
             std::cout << "joined\n";
           })
        .out;
  };
  CHECK(child_ends([] {}) == "other done\njoined\n");
  CHECK(child_ends([] { std::exit(0); }) == "other done\njoined\n");
  CHECK(child_ends([] { throw mp::SystemExit(2); }) == "other done\njoined\n");
}

TEST_CASE("Fork: a fork of the program's own leaves the children to their parent", "[process][fork]") {
  const auto ran = run_program([] {
    mp::Process p([] { std::this_thread::sleep_for(20ms); });
    p.start();
    for (const bool handlers : {true, false}) {
      const pid_t pid = handlers ? ::fork() : static_cast<pid_t>(::syscall(SYS_fork));
      if (pid == 0) {
        // It has no children, may start some, and ends without waiting for those of its parent.
        const auto none = mp::active_children().size();
        run_in_process([] { std::cout << mp::current_process().name() << '\n'; });
        std::cout << none << mp::current_process().name() << '\n';
        std::exit(5);
      }
      std::cout << exit_status(pid) << '\n' << std::flush;
    }
    p.join();
    std::cout << p.exitcode();
  });
  CHECK(ran.out == "Process-2\n0MainProcess\n5\nProcess-2\n0MainProcess\n5\n0");
}

TEST_CASE("Fork: a process with threads warns when it forks", "[process][fork]") {
  if (sanitizer_has_thread) return;  // then every process has
  const auto start_with_thread = [](int times) {
    std::atomic<bool> stop = false;
    std::thread thread([&] {
      while (!stop) std::this_thread::sleep_for(1ms);
    });
    for (int i = 0; i < times; ++i) run_in_process([] {});
    stop = true;
    thread.join();
  };
  const auto lines = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };

  const auto without_handler = run_program([&] { start_with_thread(3); });
  CHECK(lines(without_handler.err) == 1);
  CHECK_THAT(without_handler.err, contains("2 threads") && contains("'spawn'") && contains("'forkserver'"));

  const auto with_handler = run_program([&] {
    mp::log_to_stderr();
    start_with_thread(3);
  });
  CHECK(lines(with_handler.err) == 3);
  CHECK_THAT(with_handler.err, Catch::StartsWith("[WARNING/MainProcess] This process (pid="));

  CHECK(run_program([] { run_in_process([] {}); }).err.empty());
  const auto thread_is_gone = run_program([&] {
    std::thread([] {}).join();
    run_in_process([] {});
  });
  CHECK(thread_is_gone.err.empty());
}

TEST_CASE("Fork: hooks are told about births and deaths", "[process][fork]") {
  static std::string told;
  static mp::detail::ForkHooks hooks{.before_fork = [] { told += "before "; },
                                     .after_fork_in_parent = [](pid_t pid) { told += pid > 0 ? "parent " : "none "; },
                                     .after_fork_in_child = [] { told += "child "; },
                                     .after_join = [](pid_t pid) { told += pid > 0 ? "joined " : "wrong "; }};
  static mp::detail::ForkHooks no_hooks;
  const auto ran = run_program([] {
    mp::detail::register_fork_hooks(hooks);
    mp::detail::register_fork_hooks(no_hooks);
    mp::Process p([] { std::cout << told << '\n'; });
    p.start();
    p.join();
    p.join();
    (void)p.exitcode();
    std::cout << told << '\n';
  });
  CHECK(ran.out == "before child \nbefore parent joined \n");
}

TEST_CASE("Fork: parent_process tells of the parent's end", "[process][fork]") {
  SharedNumbers numbers;
  const int status = in_child([&] {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t parent = start_child([&] {
      mp::Process p({.outlive_parent = true}, [&] {
        auto above = mp::parent_process();
        numbers[1] = above->is_alive() && !above->join(1ms) && *above->pid() == ::getppid();
        numbers[0] = ::getpid();
        above->join();
        pollfd sentinel{above->sentinel(), POLLIN, 0};
        numbers[2] = !above->is_alive() && above->join(1h) && ::poll(&sentinel, 1, 0) == 1;
      });
      p.start();
      sleep_for_ever();
    });
    wait_until([&] { return numbers[0] != 0; });
    ::kill(parent, SIGKILL);
    exit_status(parent);
    return status_of_orphan(numbers[0]);
  });
  CHECK(status == 0);
  CHECK(numbers[1] == 1);
  CHECK(numbers[2] == 1);
}
