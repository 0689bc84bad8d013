// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/process/process.hpp>

#include <multiprocessing/process/functions.hpp>

#include "process/program.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/outside.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

template <class Error, class Call>
std::string thrown(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

[[noreturn]] void sleep_for_ever() {
  for (;;) ::pause();
}

void print_number(int n) { std::cout << n << '\n'; }
void print_text(std::string text) { std::cout << text << '\n'; }
void append(std::vector<int>& numbers, int n) {
  numbers.push_back(n);
  std::cout << numbers.size() << numbers.back() << '\n';
}
void take(std::unique_ptr<int> number) { std::cout << *number << '\n'; }

struct Service {
  int factor = 2;
  void serve(int n) { std::cout << factor * n << '\n'; }
  void operator()(const std::string& text) const { std::cout << text << '\n'; }
};

template <class... Arguments>
std::string output_of(Arguments&&... arguments) {
  return run_program([&] {
           mp::Process p(std::forward<Arguments>(arguments)...);
           p.start();
           p.join();
           if (p.exitcode() != 0) std::cout << p;
         })
      .out;
}

/// Takes every descriptor that this process may still have; a few dozen.
std::vector<int> take_all_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = 64;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  std::vector<int> taken;
  for (int fd; (fd = ::dup(STDOUT_FILENO)) != -1;) taken.push_back(fd);
  return taken;
}

class Worker : public mp::Process {
 public:
  explicit Worker(int n) : Process({.daemon = false}), n_(n) {}
  void run() override { std::cout << name() << " runs " << n_ << '\n'; }

 private:
  int n_;
};

/// Tells when it is destroyed, unless it was moved from.
class Loud {
 public:
  explicit Loud(const char* text) : text_(text) {}
  Loud(Loud&& other) noexcept : text_(std::exchange(other.text_, nullptr)) {}
  ~Loud() {
    if (text_ != nullptr) std::cout << text_ << (mp::parent_process() ? " in the child\n" : " in the parent\n");
  }

 private:
  const char* text_;
};

struct NamedDifferently : mp::Process {
  void run() override {}
};

}  // namespace

static_assert(!std::is_copy_constructible_v<mp::Process> && !std::is_copy_assignable_v<mp::Process>);
static_assert(std::is_nothrow_move_constructible_v<mp::Process>);
static_assert(!std::is_constructible_v<bool, mp::ExitCode>);

TEST_CASE("Process: functions, lambdas, function objects and member functions are targets", "[process][process]") {
  CHECK(output_of(print_number, 5) == "5\n");
  CHECK(output_of([] { std::cout << "lambda\n"; }) == "lambda\n");
  CHECK(output_of(Service{}, "object") == "object\n");
  CHECK(output_of(&Service::serve, Service{3}, 7) == "21\n");
  CHECK(output_of([n = std::make_unique<int>(6)](int m) mutable { std::cout << *n * m << '\n'; }, 7) == "42\n");
}

TEST_CASE("Process: an argument goes as an rvalue, or as an lvalue where the target asks for one",
          "[process][process]") {
  CHECK(output_of(append, std::vector<int>{4, 5}, 6) == "36\n");
  CHECK(output_of(take, std::make_unique<int>(8)) == "8\n");
  CHECK(output_of([](std::string& text, std::unique_ptr<int> n) { std::cout << text << *n; }, "text",
                  std::make_unique<int>(1)) == "text1");
}

TEST_CASE("Process: a C string is kept as its text, not as a pointer", "[process][process]") {
  const auto ran = run_program([] {
    char buffer[] = "before";
    mp::Process p(print_text, static_cast<char*>(buffer));
    std::snprintf(buffer, sizeof buffer, "after");
    p.start();
    p.join();
  });
  CHECK(ran.out == "before\n");
}

TEST_CASE("Process: the child changes its own copy only", "[process][process]") {
  const auto ran = run_program([] {
    std::vector<int> numbers{1};
    mp::Process p(append, numbers, 2);
    p.start();
    p.join();
    std::cout << numbers.size() << '\n';
  });
  CHECK(ran.out == "22\n1\n");
}

TEST_CASE("Process: start destroys target and arguments in the parent, the child destroys its own at the end",
          "[process][process]") {
  const auto ran = run_program([] {
    mp::Process p([](Loud&) { std::cout << "runs\n"; }, Loud("argument"));
    p.start();
    std::cout << "started\n" << std::flush;
    p.join();
  });
  CHECK_THAT(ran.out, contains("argument in the parent\nstarted\n"));
  CHECK_THAT(ran.out, contains("runs\nargument in the child\n"));
}

TEST_CASE("Process: a derived class runs its own run() and gives its name to the process", "[process][process]") {
  const auto ran = run_program([] {
    std::vector<Worker> workers;
    workers.emplace_back(1);
    workers.emplace_back(2);
    for (auto& worker : workers) {
      worker.start();
      worker.join();
    }
    std::cout << workers[0].name();
  });
  CHECK(ran.out == "Worker-1 runs 1\nWorker-2 runs 2\nWorker-1");
}

TEST_CASE("Process: without a target and without an own run() it does not start", "[process][process]") {
  const auto ran = run_program([] {
    mp::Process sliced(Worker(1));
    std::cout << thrown<mp::ValueError>([&] { sliced.start(); });
  });
  CHECK_THAT(ran.out, contains("neither a target nor its own run()"));
}

TEST_CASE("Process: default names number the family tree", "[process][process]") {
  const auto ran = run_program([] {
    mp::Process first([] {});
    mp::Process second([] {
      mp::Process inner([] {
        mp::Process innermost([] { std::cout << mp::current_process().name() << '\n'; });
        std::cout << mp::current_process().name() << '\n' << std::flush;
        innermost.start();
        innermost.join();
      });
      inner.start();
      inner.join();
    });
    std::cout << mp::current_process().name() << ' ' << first.name() << ' ' << second.name() << '\n';
    second.start();
    second.join();
    mp::Process given({.name = "given"}, [] { std::cout << mp::current_process().name() << '\n'; });
    mp::Process empty({.name = ""}, [] {});
    given.start();
    given.join();
    given.name("changed");
    std::cout << given.name() << ' ' << empty.name() << '\n';
  });
  CHECK(ran.out == "MainProcess Process-1 Process-2\nProcess-2:1\nProcess-2:1:1\ngiven\nchanged Process-4\n");
}

TEST_CASE("Process: its text is Python's", "[process][process]") {
  const auto text = [](const mp::Process& p) {
    std::ostringstream out;
    out << p;
    return out.str();
  };
  const auto ran = run_program([&] {
    const auto me = std::to_string(::getpid());
    const auto check = [](const std::string& is, const std::string& should) {
      if (is != should) std::cout << "is " << is << "\nshould be " << should << '\n';
    };
    check(text(mp::current_process()), "<_MainProcess name='MainProcess' parent=None started>");
    mp::Process p([&] {
      check(text(mp::current_process()), "<Process name='Process-1' parent=" + me + " started>");
      check(text(*mp::parent_process()), "<_ParentProcess name='MainProcess' parent=None unknown>");
      sleep_for_ever();
    });
    check(text(p), "<Process name='Process-1' parent=" + me + " initial>");
    p.start();
    const auto pid = std::to_string(*p.pid());
    check(text(p), "<Process name='Process-1' pid=" + pid + " parent=" + me + " started>");
    mp::Process q([&] { check(text(p), "<Process name='Process-1' pid=" + pid + " parent=" + me + " unknown>"); });
    q.start();
    q.join();
    p.terminate();
    p.join();
    check(text(p), "<Process name='Process-1' pid=" + pid + " parent=" + me + " stopped exitcode=-SIGTERM>");
    p.close();
    check(text(p), "<Process name='Process-1' parent=" + me + " closed>");
    mp::Process named({.name = "it's", .daemon = true}, [] { throw mp::SystemExit(3); });
    named.start();
    named.join();
    check(text(named), "<Process name=\"it's\" pid=" + std::to_string(*named.pid()) + " parent=" + me +
                           " stopped exitcode=3 daemon>");
    mp::Process moved(std::move(named));
    check(text(named), "<Process closed>");
    NamedDifferently derived;
    check(text(derived), "<NamedDifferently name='NamedDifferently-4' parent=" + me + " initial>");
    std::cout << "done";
  });
  CHECK(ran.out == "done");
}

TEST_CASE("Process: exit codes arrive", "[process][process]") {
  const auto code_of = [](auto target) {
    std::string text;
    const auto ran = run_program([&] {
      mp::Process p(target);
      if (p.exitcode() != std::nullopt) std::exit(50);
      p.start();
      p.join();
      std::cout << "code " << p.exitcode();
    });
    const auto at = ran.out.rfind("code ");
    return at == std::string::npos ? ran.out : ran.out.substr(at + 5);
  };
  CHECK(code_of([] {}) == "0");
  CHECK(code_of([] { throw mp::SystemExit(); }) == "0");
  CHECK(code_of([] { throw mp::SystemExit(7); }) == "7");
  CHECK(code_of([] { throw mp::SystemExit("words"); }) == "1");
  CHECK(code_of([] { throw mp::SystemExit(256 + 5); }) == "5");
  CHECK(code_of([] { throw std::runtime_error("x"); }) == "1");
  CHECK(code_of([] { throw 1; }) == "1");
  CHECK(code_of([] { std::exit(9); }) == "9");
  CHECK(code_of([] { std::quick_exit(8); }) == "8");
  CHECK(code_of([] { std::_Exit(6); }) == "6");
  CHECK(code_of([] { std::thread([] { std::exit(4); }).join(); }) == "4");
  CHECK(code_of([] { ::raise(SIGKILL); }) == "-9");
  CHECK(code_of([] { ::raise(SIGTERM); }) == "-15");
  CHECK(code_of([] { ::pthread_exit(nullptr); }) == "0");
}

TEST_CASE("Process: an exception that nobody caught is told with its type and the process's name",
          "[process][process]") {
  const auto ran = run_program([] {
    const auto run = [](auto target) {
      mp::Process p({.name = "w"}, target);
      p.start();
      p.join();
    };
    run([] { throw mp::KeyError("k"); });
    run([] { throw std::out_of_range("far"); });
    run([] { throw 5; });
    run([] { throw "characters"; });
    run([] { throw mp::SystemExit("good bye"); });
  });
  CHECK(ran.err ==
        "Process w:\nmultiprocessing::KeyError: k\n"
        "Process w:\nstd::out_of_range: far\n"
        "Process w:\nint\n"
        "Process w:\nchar const*: characters\n"
        "good bye\n");
  CHECK(ran.status == 0);
}

TEST_CASE("Process: terminate, kill and interrupt send their signals, and none after the end", "[process][process]") {
  const auto ran = run_program([] {
    for (auto stop : {&mp::Process::terminate, &mp::Process::kill, &mp::Process::interrupt}) {
      mp::Process p(sleep_for_ever);
      p.start();
      (p.*stop)();
      p.join();
      std::cout << p.exitcode() << ' ';
      (p.*stop)();
    }
  });
  CHECK(ran.out == "-15 -9 -2 ");
}

TEST_CASE("Process: join waits, and with a timeout not longer", "[process][process]") {
  const auto ran = run_program([] {
    mp::Process p(sleep_for_ever);
    p.start();
    const auto before = std::chrono::steady_clock::now();
    const bool ended = p.join(50ms);
    std::cout << ended << (std::chrono::steady_clock::now() - before >= 50ms) << p.join(false) << p.is_alive();
    p.kill();
    std::cout << p.join() << p.join(1h) << p.join(false) << p.is_alive();
  });
  CHECK(ran.out == "01011110");
}

TEST_CASE("Process: signals that interrupt a join do not end it", "[process][process]") {
  const auto ran = run_program([] {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGUSR1, &action, nullptr);  // without SA_RESTART
    mp::Process p([parent = ::getpid()] {
      for (int i = 0; i < 20; ++i) {
        ::kill(parent, SIGUSR1);
        std::this_thread::sleep_for(1ms);
      }
      throw mp::SystemExit(3);
    });
    p.start();
    std::cout << p.join(1h) << p.join() << p.exitcode();
  });
  CHECK(ran.out == "113");
}

TEST_CASE("Process: many threads may join one process, and its code is collected once", "[process][process]") {
  const auto ran = run_program([] {
    for (int round = 0; round < 20; ++round) {
      mp::Process p([] { throw mp::SystemExit(3); });
      p.start();
      std::atomic<int> right = 0;
      std::vector<std::thread> threads;
      for (int i = 0; i < 4; ++i)
        threads.emplace_back([&, i] {
          if (i == 0) mp::active_children();
          if (i == 1) p.join(10s);
          p.join();
          right += p.exitcode() == 3;
        });
      for (auto& thread : threads) thread.join();
      std::cout << right;
    }
  });
  CHECK(ran.out == std::string(20, '4'));
}

TEST_CASE("Process: misuse is answered with Python's words", "[process][process]") {
  const auto ran = run_program([] {
    mp::Process p(sleep_for_ever);
    const auto assertion = [](auto call) { std::cout << thrown<mp::AssertionError>(call) << '\n'; };
    const auto value = [](auto call) { std::cout << thrown<mp::ValueError>(call) << '\n'; };
    assertion([&] { p.join(); });
    assertion([&] { p.terminate(); });
    value([&] { p.sentinel(); });
    p.start();
    assertion([&] { p.start(); });
    assertion([&] { p.daemon(true); });
    value([&] { p.close(); });
    mp::Process stranger([&] {
      assertion([&] { p.join(); });
      assertion([&] { p.is_alive(); });
      assertion([&] { p.sentinel(); });
      assertion([&] { p.kill(); });
      mp::Process other([] {});
      mp::Process inner([&] { assertion([&] { other.start(); }); });
      inner.start();
      inner.join();
    });
    stranger.start();
    stranger.join();
    std::cout << (p.exitcode() == std::nullopt) << '\n';
    p.kill();
    p.join();
    p.close();
    value([&] { p.join(); });
    value([&] { p.start(); });
    value([&] { (void)p.pid(); });
    value([&] { (void)p.exitcode(); });
    std::cout << p.name() << '\n';
    mp::Process moved(std::move(stranger));
    value([&] { (void)stranger.is_alive(); });
    value([&] { (void)stranger.name(); });
    value([] { mp::Process bad({.start_method = "bogus"}, [] {}); });
  });
  const char* const words[] = {"can only join a started process",
                               "can only signal a started child process",
                               "process not started",
                               "cannot start a process twice",
                               "process has already started",
                               "Cannot close a process while it is still running. You should first call join()",
                               "can only join a child process",
                               "can only test a child process",
                               "only the process that started it can wait",
                               "can only signal a started child process",
                               "can only start a process object created by current process",
                               "1",
                               "process object is closed",
                               "process object is closed",
                               "process object is closed",
                               "process object is closed",
                               "Process-1",
                               "process object is closed",
                               "process object is closed",
                               "cannot find context for 'bogus'"};
  std::istringstream lines(ran.out);
  for (const char* const each : words) {
    std::string line;
    std::getline(lines, line);
    CHECK_THAT(line, contains(each));
  }
}

TEST_CASE("Process: a daemon has no children", "[process][process]") {
  const auto ran = run_program([] {
    mp::Process p({.daemon = true}, [] {
      mp::Process child([] {});
      std::cout << child.daemon() << thrown<mp::AssertionError>([&] { child.start(); });
    });
    p.start();
    p.join();
  });
  CHECK_THAT(ran.out, contains("1start: daemonic processes are not allowed to have children"));
}

TEST_CASE("Process: what is null is refused at once", "[process][process]") {
  void (*const function)(int) = nullptr;
  void (Service::*const member)(int) = nullptr;
  const char* const text = nullptr;
  const auto ran = run_program([&] {
    std::cout << thrown<mp::ValueError>([&] { mp::Process p(function, 1); }) << '\n';
    std::cout << thrown<mp::ValueError>([&] { mp::Process p(member, Service(), 1); }) << '\n';
    std::cout << thrown<mp::ValueError>([&] { mp::Process p(print_text, text); });
  });
  const std::string target = "Process: the target is a null pointer, so there is nothing to run\n";
  CHECK_THAT(ran.out, Catch::StartsWith(target + target) && contains("a C string that is null"));
}

TEST_CASE("Process: a process that could not be born can be started again", "[process][process]") {
  if (sanitizer_needs_descriptors) return;
  const auto ran = run_program([] {
    const auto open = take_all_descriptors();
    mp::Process p(take, std::make_unique<int>(5));
    const std::string error = thrown<mp::OSError>([&] { p.start(); });
    for (const int fd : open) ::close(fd);
    std::cout << error << p.is_alive() << '\n';
    p.start();
    p.join();
    std::cout << p.exitcode();
  });
  CHECK_THAT(ran.out, Catch::StartsWith("start: process 'Process-1' could not be started by 'fork': ") &&
                          contains("(RLIMIT_NOFILE is ") && contains("Too many open files0\n5\n0"));
}

TEST_CASE("Process: with no descriptor left further processes start and are joined all the same",
          "[process][process]") {
  if (sanitizer_needs_descriptors) return;
  const auto ran = run_program([] {
    mp::Process first([] {});  // opens what all need
    first.start();
    first.join();
    const auto open = take_all_descriptors();
    std::vector<mp::Process> several;
    for (int i = 0; i < 2; ++i) several.emplace_back([i] { throw mp::SystemExit(i); }).start();
    std::cout << several[1].join(1h) << several[0].join() << several[1].exitcode();
    mp::Process sleeper(sleep_for_ever);
    sleeper.start();
    std::cout << sleeper.join(20ms);
    sleeper.kill();
    std::cout << sleeper.join(1h) << sleeper.exitcode();
  });
  CHECK(ran.out == "11101-9");
}

TEST_CASE("Process: a child whose status went elsewhere has ended with 255, and nothing hangs", "[process][process]") {
  const auto ran = run_program([] {
    std::signal(SIGCHLD, SIG_IGN);
    mp::Process p([] {});
    p.start();
    std::cout << p.join() << p.exitcode() << p.is_alive() << mp::active_children().size() << ' ';
    std::signal(SIGCHLD, SIG_DFL);
    mp::Process q([] { throw mp::SystemExit(3); });
    q.start();
    ::waitpid(*q.pid(), nullptr, 0);
    std::cout << q.join(1h) << q.exitcode();
    q.kill();
  });
  CHECK(ran.out == "125500 1255");
}

TEST_CASE("Process: it keeps no descriptor and no child after close or its destructor", "[process][process]") {
  const auto ran = run_program([] {
    const auto descriptors = [] {
      int count = 0;
      for (int fd = 0; fd < 256; ++fd) count += ::fcntl(fd, F_GETFD) != -1;
      return count;
    };
    const auto run = [](auto stop) {
      std::vector<mp::Process> processes;
      for (int i = 0; i < 5; ++i) processes.emplace_back(sleep_for_ever).start();
      for (auto& p : processes) {
        p.kill();
        stop(p);
      }
    };
    run([](mp::Process& p) { p.join(); });
    const int before = descriptors();
    run([](mp::Process& p) { p.join(); });
    run([](mp::Process& p) {
      p.join();
      p.close();
    });
    run([](mp::Process& p) {
      while (p.is_alive()) std::this_thread::yield();
    });
    std::cout << descriptors() - before << (::waitpid(-1, nullptr, WNOHANG) == -1);
  });
  CHECK(ran.out == "01");
}

TEST_CASE("Process: a child inherits no descriptor of its siblings", "[process][process]") {
  const auto ran = run_program([] {
    std::vector<mp::Process> siblings;
    const auto count = [] {
      mp::Process p([] {
        int open = 0;
        for (int fd = 0; fd < 256; ++fd) open += ::fcntl(fd, F_GETFD) != -1;
        std::cout << open << '\n';
      });
      p.start();
      p.join();
    };
    count();
    for (int i = 0; i < 5; ++i) siblings.emplace_back(sleep_for_ever).start();
    count();
    for (auto& each : siblings) each.kill();
    for (auto& each : siblings) each.join();
    siblings.clear();
    count();
  });
  std::istringstream lines(ran.out);
  int first = 0, second = 0, third = 0;
  lines >> first >> second >> third;
  CHECK(first > 0);
  CHECK(second == first);
  CHECK(third == first);
}

TEST_CASE("Process: a hundred children run at once", "[process][process]") {
  const auto ran = run_program([] {
    std::vector<mp::Process> children;
    for (int i = 0; i < 100; ++i) children.emplace_back([i] { throw mp::SystemExit(i); }).start();
    int right = 0;
    for (int i = 0; i < 100; ++i) {
      children[static_cast<std::size_t>(i)].join();
      right += children[static_cast<std::size_t>(i)].exitcode() == i;
    }
    std::cout << right;
  });
  CHECK(ran.out == "100");
}

TEST_CASE("Process: several threads may start processes at once", "[process][process]") {
  const auto ran = run_program([] {
    std::atomic<int> right = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 10; ++i) {
          mp::Process p([i] { throw mp::SystemExit(i); });
          p.start();
          p.join();
          right += p.exitcode() == i;
        }
      });
    for (auto& thread : threads) thread.join();
    std::cout << right;
  });
  CHECK(ran.out == "30");
}

TEST_CASE("Process: the authkey is inherited, and may be set", "[process][process]") {
  const auto ran = run_program([] {
    const auto key = mp::current_process().authkey();
    std::cout << key.size();
    mp::Process p([&] {
      std::cout << (mp::current_process().authkey() == key);
      mp::current_process().authkey("new");
      mp::Process inner([] { std::cout << mp::current_process().authkey(); });
      inner.start();
      inner.join();
    });
    std::cout << (p.authkey() == key) << std::flush;
    p.start();
    p.join();
  });
  CHECK(ran.out.substr(0, 3) == "321");
  CHECK_THAT(ran.out, contains("1"));
  CHECK_THAT(ran.out, contains("new"));
}

namespace {

/// What a daemon does; then opens files of its own, so that every number is in use again.
void close_all_and_open_others() {
  for (int fd = 3; fd < 100; ++fd) ::close(fd);
  while (::open("/dev/null", O_RDONLY) < 99) continue;
}

}  // namespace

TEST_CASE("Process: works on in a program that closes all descriptors and opens others", "[process]") {
  CHECK(in_child([] {
          mp::Process first(print_number, 1);
          first.start();
          first.join();
          mp::Process lasting({.outlive_parent = true}, [] {
            ::alarm(30);  // else it would stay when this test fails
            sleep_for_ever();
          });
          lasting.start();
          mp::Process bound(sleep_for_ever);
          bound.start();
          close_all_and_open_others();

          if (lasting.join(20ms) || lasting.exitcode() != std::nullopt || !lasting.is_alive()) return 1;
          bound.join();
          if (bound.exitcode() != -SIGKILL) return 2;  // its lifeline was closed
          mp::Process next([] { ::_exit(7); });
          next.start();
          next.join();
          if (next.exitcode() != 7) return 3;
          lasting.kill();
          lasting.join();
          if (lasting.exitcode() != -SIGKILL) return 4;
          for (int fd = 3; fd < 100; ++fd) {
            if (::fcntl(fd, F_GETFD) == -1) return 5;  // none of the program's was closed
          }
          return 0;
        }) == 0);
}

TEST_CASE("Process: a child reads nothing, also when the program has closed /dev/null and opened files", "[process]") {
  const auto ran = run_program([] {
    const auto read_stdin = [] {
      char text[8];
      std::cout << ::read(STDIN_FILENO, text, sizeof text);
    };
    mp::Process first(read_stdin);
    first.start();
    first.join();
    for (int fd = 3; fd < 100; ++fd) ::close(fd);
    const int file = ::memfd_create("text", MFD_CLOEXEC);
    demand(::pwrite(file, "secret", 6, 0) == 6, "there is something to be read");
    while (::dup(file) < 99) continue;
    mp::Process second(read_stdin);
    second.start();
    second.join();
  });
  CHECK(ran.out == "00");
}

TEST_CASE("Process: a child that closes all descriptors and opens others still knows its parent", "[process]") {
  Steps steps;
  const pid_t parent = start_child([&] {
    mp::Process child({.outlive_parent = true}, [&] {
      ::alarm(30);
      close_all_and_open_others();
      const auto& known = mp::parent_process();
      demand(known->is_alive() && !known->join(20ms), "the parent lives");
      demand(known->sentinel() >= 100, "it is waited for by a descriptor of its own");
      steps.reach(1);
      demand(known->join(20s), "its end is noticed");
      demand(!known->is_alive(), "it has ended");
      const int again = ::dup(STDOUT_FILENO);
      ::close(known->sentinel());
      ::close(again);
      demand(known->join(20s) && !known->is_alive(), "it has, also for who looks only then");
      for (int fd = 3; fd < 100; ++fd) demand(::fcntl(fd, F_GETFD) != -1, "none of the program's was closed");
      steps.reach(2);
    });
    child.start();
    steps.await(1);
    ::_exit(0);
  });
  CHECK(exit_status(parent) == 0);
  CHECK(steps.await(2));
}
