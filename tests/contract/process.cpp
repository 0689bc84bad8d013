// SPDX-License-Identifier: BSL-1.0
/// \file
/// The contract of Process, whatever the start method: what Python's own tests of it demand, by meaning.
#include <multiprocessing/process.hpp>

#include "process/by_method.hpp"
#include "process/program.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

#include <multiprocessing/connection.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

[[noreturn]] void sleep_for_ever() {
  for (;;) ::pause();
}

bool is_active(const mp::Process& p) {
  const auto active = mp::active_children();
  return std::find(active.begin(), active.end(), p) != active.end();
}

template <class Error, class Call>
bool throws(Call call) {
  try {
    call();
  } catch (const Error&) {
    return true;
  }
  return false;
}

/// Counts its objects in this process, and can be sent.
class Counted {
 public:
  Counted() { ++alive; }
  Counted(const Counted&) { ++alive; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --alive; }
  void operator()(Counted&) const { throw mp::SystemExit(alive >= 2 ? 5 : 6); }
  template <class Archive>
  void serialize(Archive&) {}

  static inline int alive = 0;
};

void report_parent(mp::Connection& out) {
  out.send(mp::parent_process()->is_alive());
  mp::parent_process()->join();
  out.send(mp::parent_process()->is_alive());
}

void make_grandchild(mp::Connection& out) {
  mp::Process p({.outlive_parent = true}, report_parent, std::move(out));
  p.start();
  sleep_for_ever();
}

/// The open descriptors of each generation, down to the last.
void count_generations(mp::Array<int> counts, int generation) {
  counts[generation] = static_cast<int>(open_descriptors());
  if (generation < 5) run(count_generations, counts, generation + 1);
}

/// What a child of each method gets from its parent it can send on, and so on.
void pass_on(std::vector<std::string> methods, mp::Value<int> value, mp::Lock lock, mp::Connection& out) {
  {
    const std::scoped_lock guard(lock);
    value.value += 1;
  }
  if (methods.empty()) return out.send("end");
  const std::string next = methods.back();
  methods.pop_back();
  mp::Process p({.start_method = next}, pass_on, methods, value, lock, mp::Connection(::dup(out.fileno())));
  p.start();
  p.join();
  if (p.exitcode() != 0) std::cout << p;
}

/// Ways to break the standard streams of this process.
void close_outputs() {
  ::close(STDOUT_FILENO);
  ::close(STDERR_FILENO);
}
void fill_outputs() {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ::dup2(full, STDOUT_FILENO);
  ::dup2(full, STDERR_FILENO);
  ::close(full);
}
void cut_outputs() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) std::exit(50);
  ::dup2(ends[1], STDOUT_FILENO);
  ::dup2(ends[1], STDERR_FILENO);
  ::close(ends[0]);
  ::close(ends[1]);
}
void remove_buffers() {
  std::cout.rdbuf(nullptr);
  std::clog.rdbuf(nullptr);
}
void ask_for_exceptions() {
  fill_outputs();
  std::cout.exceptions(std::ios::badbit | std::ios::failbit);
}
void (*const ways_to_break[])() = {close_outputs, fill_outputs, cut_outputs, remove_buffers, ask_for_exceptions};

}  // namespace

TEST_CASE("what is known of a process before, while and after it runs", "[contract][process]") {
  CHECK(output_by_every_method([] {
          auto [here, there] = mp::Pipe();
          mp::Process p([](mp::Connection c, int, int) {
            const auto self = mp::current_process();
            c.send(self.name());
            c.send(self.authkey());
            c.send(*self.pid());
            c.recv<int>();
          }, std::move(there), 1, 2);
          p.daemon(true);
          std::cout << p.name() << (p.authkey() == mp::current_process().authkey()) << p.is_alive() << p.daemon() << is_active(p)
                    << p.exitcode() << p.pid().has_value() << ' ';
          p.start();
          std::cout << p.exitcode() << p.is_alive() << is_active(p) << ' ';
          std::cout << here.recv<std::string>() << (here.recv<std::string>() == p.authkey()) << (here.recv<int>() == *p.pid())
                    << (p.ident() == p.pid()) << ' ';
          here.send(0);
          p.join();
          std::cout << p.exitcode() << p.is_alive() << is_active(p) << p.pid().has_value();
        }) == "Process-11010None0 None11 Process-1111 0001");
}

TEST_CASE("a join with no time left does not wait, nor ends anything", "[contract][process]") {
  CHECK(output_by_every_method([] {
          for (auto stop : {&mp::Process::terminate, &mp::Process::kill}) {
            mp::Process p(sleep_for_ever);
            p.start();
            std::cout << p.join(0s) << p.join(-1s) << p.join(-1h) << p.join(false) << p.is_alive() << is_active(p);
            (p.*stop)();
            std::cout << p.join(1h) << p.join() << p.join(-1s) << p.is_alive() << is_active(p) << p.exitcode() << ' ';
          }
        }) == "00001111100-15 00001111100-9 ");
}

TEST_CASE("a process that outlives its parent notices the parent's end", "[contract][process]") {
  CHECK(output_by_every_method([] {
          auto [in, out] = mp::Pipe(false);
          mp::Process p(make_grandchild, std::move(out));
          p.start();
          std::cout << in.recv<bool>();
          p.terminate();
          p.join();
          std::cout << in.recv<bool>() << p.exitcode();
          try {
            in.recv<bool>();  // until the grandchild has ended, too
          } catch (const mp::EOFError&) {
            std::cout << " end";
          }
        }) == "10-15 end");
}

TEST_CASE("a sentinel is there from the start on, and stays readable", "[contract][process]") {
  CHECK(output_by_every_method([] {
          const mp::Event go;
          mp::Process p([](mp::Event e) { e.wait(); }, go);
          std::cout << throws<mp::ValueError>([&] { (void)p.sentinel(); });
          p.start();
          pollfd sentinel{p.sentinel(), POLLIN, 0};
          std::cout << ::poll(&sentinel, 1, 0);
          go.set();
          std::cout << ::poll(&sentinel, 1, -1);
          p.join();
          std::cout << ::poll(&sentinel, 1, 0) << (p.sentinel() == sentinel.fd);
        }) == "10111");
}

TEST_CASE("closing is refused while it runs, and then gives back what the object held", "[contract][process]") {
  CHECK(output_by_every_method([] {
          const mp::Event go;
          run([] {});  // opens what all need
          const auto before = open_descriptors();
          mp::Process p([](mp::Event e) { e.wait(); }, go);
          p.daemon(true);
          p.start();
          std::cout << throws<mp::ValueError>([&] { p.close(); }) << p.is_alive();
          go.set();
          p.join();
          std::cout << p.is_alive() << p.exitcode();
          p.close();
          std::cout << throws<mp::ValueError>([&] { (void)p.is_alive(); }) << throws<mp::ValueError>([&] { p.join(); })
                    << throws<mp::ValueError>([&] { p.terminate(); }) << throws<mp::ValueError>([&] { p.start(); })
                    << throws<mp::ValueError>([&] { (void)p.exitcode(); }) << throws<mp::ValueError>([&] { (void)p.pid(); });
          std::cout << ' ' << open_descriptors() - before;
          p.close();
        }) == "1100111111 0");
}

TEST_CASE("target and arguments are destroyed in the parent at the start, and in the child at the end", "[contract][process]") {
  CHECK(output_by_every_method([] {
          std::optional<Counted> own(std::in_place);
          mp::Process p(*own, *own);
          std::cout << Counted::alive;
          own.reset();
          p.start();
          std::cout << Counted::alive;
          p.join();
          std::cout << p.exitcode();
          own.emplace();
          mp::Process q([](Counted) { std::atexit([] { std::cout << Counted::alive; }); }, *own);
          own.reset();
          q.start();
          q.join();
          std::cout << Counted::alive;
        }) == "30500");
}

TEST_CASE("a child's descriptors grow neither with its siblings nor with its ancestors", "[contract][process]") {
  CHECK(output_by_every_method([] {
          auto [in, out] = mp::Pipe(false);
          std::vector<long> counts;
          {
            const mp::Event done;
            std::vector<mp::Process> siblings;
            for (int i = 0; i < 5; ++i) {
              siblings.emplace_back([](mp::Connection c, mp::Event e) {
                c.send(static_cast<long>(open_descriptors()));
                e.wait();
              }, mp::Connection(::dup(out.fileno())), done);
              siblings.back().start();
              counts.push_back(in.recv<long>());
            }
            done.set();
            for (auto& p : siblings) p.join();
          }
          for (std::size_t i = 1; i < counts.size(); ++i)
            if (counts[i] != counts[0]) std::cout << "sibling " << i << ": " << counts[i] << " after " << counts[0] << '\n';
          const mp::Array<int> generations(6);
          run(count_generations, generations, 1);
          for (int i = 2; i <= 5; ++i)
            if (generations.at(i) != generations.at(1))
              std::cout << "generation " << i << ": " << generations.at(i) << " after " << generations.at(1) << '\n';
        }) == "");
}

TEST_CASE("a descriptor that the program did not mean to pass on is a fork's only", "[contract][process]") {
  for (const char* const method : every_method) {
    INFO(method);
    CHECK(output_by(method, [] {
            const int high = ::fcntl(STDOUT_FILENO, F_DUPFD, 50);  // without FD_CLOEXEC, as careless libraries do
            for (int i = 0; i < 2; ++i) run([](int fd) { std::cout << (::fcntl(fd, F_GETFD) != -1); }, high);
          }) == (method == std::string("fork") ? "11" : "00"));
  }
}

TEST_CASE("broken standard streams end neither parent nor child", "[contract][process]") {
  for (const char* const method : every_method) {
    for (std::size_t way = 0; way < std::size(ways_to_break); ++way) {
      INFO(method << ", way " << way);
      const Outcome ran = run_program([&] {
        mp::set_start_method(method);
        // What tells of it must not be any of the streams.
        const auto check = [](int code, auto target, auto... arguments) {
          const mp::Event reached;
          if (run(target, reached, arguments...) != code) std::_Exit(60 + code);
          if (!reached.is_set()) std::_Exit(70 + code);
        };
        const auto break_own = [](mp::Event e, std::size_t number, bool fails) {
          std::cout << "buffered";
          std::printf("buffered");
          ways_to_break[number]();
          std::cout << "more";
          std::printf("more");
          e.set();
          if (fails) throw mp::KeyError("k");
        };
        check(0, break_own, way, false);
        check(1, break_own, way, true);
        std::cout << "buffered";
        std::printf("buffered");
        ways_to_break[way]();
        check(0, [](mp::Event e) {
          std::printf("more");
          e.set();
        });
        std::_Exit(0);
      });
      CHECK(ran.status == 0);
    }
  }
}

TEST_CASE("a program without standard streams starts processes, and they get what they are sent", "[contract][process]") {
  CHECK(output_by_every_method([] {
          const int out = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
          for (const int fd : {0, 1, 2}) ::close(fd);
          auto [here, there] = mp::Pipe();  // at the lowest numbers
          const mp::Value<int> value(1);
          std::vector<mp::ExitCode> codes;
          for (int i = 0; i < 2; ++i) {
            codes.push_back(run([](mp::Connection c, mp::Value<int> v) {
              v.value += 1;
              c.send(v.get());
              char byte;
              throw mp::SystemExit(::read(STDIN_FILENO, &byte, 1) == 0 ? 4 : 5);
            }, mp::Connection(::dup(there.fileno())), value));
          }
          const int first = here.recv<int>(), second = here.recv<int>();
          here.close();
          there.close();
          ::dup2(out, STDOUT_FILENO);
          std::cout << first << second << codes[0] << codes[1];
        }) == "2344");
}

TEST_CASE("what a child says at its end goes to the standard error that it has by then", "[contract][process]") {
  CHECK(output_by_every_method([] {
          const std::string path = "/proc/self/fd/" + std::to_string(STDOUT_FILENO);  // the child's own, a file
          const auto end = [](std::string file, int how) {
            ::dup2(::open(file.c_str(), O_WRONLY | O_APPEND), STDERR_FILENO);
            std::fputs("[", stderr);
            std::clog << "buffered ";
            if (how == 0) throw mp::KeyError("x");
            if (how == 1) throw mp::SystemExit("ignore this");
            throw mp::SystemExit(8);
          };
          for (int how = 0; how < 3; ++how) std::cout << run({.name = "w"}, end, path, how) << ' ' << std::flush;
        }) == "[buffered Process w:\nmultiprocessing::KeyError: x\n1 [buffered ignore this\n1 [buffered 8 ");
}

TEST_CASE("a child's own exit handlers run, whichever way it ends", "[contract][process]") {
  CHECK(output_by_every_method([] {
          for (int how = 0; how < 3; ++how) {
            run([](int by) {
              std::atexit([] { std::cout << "handler "; });
              if (by == 1) throw mp::SystemExit(1);
              if (by == 2) std::exit(2);
            }, how);
          }
        }) == "handler handler handler ");
}

TEST_CASE("a child's thread is its first, known to the kernel and to the C library alike", "[contract][process]") {
  CHECK(output_by_every_method([] {
          run([](int parent) {
            std::cout << (::gettid() == ::getpid()) << (::gettid() != parent);
            // Both compare the thread that the C library believes in with the kernel's.
            std::recursive_mutex recursive;
            pthread_mutexattr_t checking;
            ::pthread_mutexattr_init(&checking);
            ::pthread_mutexattr_settype(&checking, PTHREAD_MUTEX_ERRORCHECK);
            pthread_mutex_t checked;
            ::pthread_mutex_init(&checked, &checking);
            const std::scoped_lock guard(recursive);
            std::cout << recursive.try_lock() << ::pthread_mutex_lock(&checked) << (::pthread_mutex_lock(&checked) == EDEADLK);
            bool taken = true;
            std::thread([&] {
              taken = recursive.try_lock() || ::pthread_mutex_unlock(&checked) == 0;
              std::cout << (::gettid() != ::getpid());
            }).join();
            std::cout << taken;
            std::signal(SIGUSR1, [](int) {});
            std::cout << ::pthread_kill(::pthread_self(), SIGUSR1);
          }, ::gettid());
        }) == "11101100");
}

TEST_CASE("an interrupt can be handled, and the child's end is as it wants", "[contract][process]") {
  CHECK(output_by_every_method([] {
          auto [in, out] = mp::Pipe(false);
          mp::Process p([](mp::Connection c) {
            static volatile std::sig_atomic_t interrupted = 0;
            sigset_t interrupt, before;
            ::sigemptyset(&interrupt);
            ::sigaddset(&interrupt, SIGINT);
            ::sigprocmask(SIG_BLOCK, &interrupt, &before);
            std::signal(SIGINT, [](int) { interrupted = 1; });
            c.send("ready");
            while (interrupted == 0) ::sigsuspend(&before);
            throw mp::SystemExit(7);
          }, std::move(out));
          p.start();
          in.recv<std::string>();
          p.interrupt();
          p.join();
          std::cout << p.exitcode();
        }) == "7");
}

TEST_CASE("a child begins with the signals as its parent, or the fork server, has them", "[contract][process]") {
  for (const char* const method : every_method) {
    INFO(method);
    CHECK(output_by(method, [] {
            std::signal(SIGUSR1, SIG_IGN);
            run([] {
              sigset_t blocked;
              ::sigprocmask(SIG_SETMASK, nullptr, &blocked);
              int count = 0;
              for (int signal = 1; signal < 32; ++signal) count += ::sigismember(&blocked, signal);
              struct sigaction action {};
              ::sigaction(SIGUSR1, nullptr, &action);
              std::cout << count << (action.sa_handler == SIG_IGN);
            });
            // Those that a thread has blocked meanwhile are not a fork server's, which was started before.
            sigset_t terminate;
            ::sigemptyset(&terminate);
            ::sigaddset(&terminate, SIGTERM);
            ::pthread_sigmask(SIG_BLOCK, &terminate, nullptr);
            run([] {
              sigset_t blocked;
              ::sigprocmask(SIG_SETMASK, nullptr, &blocked);
              std::cout << ::sigismember(&blocked, SIGTERM);
            });
          }) == (method == std::string("forkserver") ? "010" : "011"));
  }
}

TEST_CASE("daemons have no children, and end with the program; others are joined", "[contract][process]") {
  for (const char* const method : every_method) {
    INFO(method);
    const Outcome ran = run_program([&] {
      mp::set_start_method(method);
      std::cout << run(mp::ProcessOptions{.daemon = true}, [] {
        mp::Process child([] {});
        std::cout << child.daemon() << throws<mp::AssertionError>([&] { child.start(); });
      });
      auto [in, out] = mp::Pipe(false);
      static mp::Process daemon({.daemon = true}, [](mp::Connection c) {
        c.send(1);
        sleep_for_ever();
      }, std::move(out));
      daemon.start();
      in.recv<int>();
      const mp::Event go;
      mp::Process other([](mp::Event e) {
        e.wait();
        std::cout << " other ends" << std::flush;
      }, go);
      other.start();
      std::atexit([] { std::cout << " at the end " << daemon.exitcode() << mp::active_children().size(); });
      go.set();
    });
    // The handler was registered after the library's own, so it runs before that ends the daemon.
    CHECK(ran.status == 0);
    CHECK_THAT(ran.out, contains("110") && contains("other ends") && contains("at the end None"));
    CHECK(ran.err == "");
  }
}

TEST_CASE("a child ends its own daemons, whichever method either has", "[contract][process]") {
  for (const char* const method : every_method) {
    for (const char* const inner : every_method) {
      INFO(method << ", then " << inner);
      CHECK(output_by(method, [&] {
              auto [in, out] = mp::Pipe(false);
              run([](mp::Connection c, std::string by) {
                mp::Process daemon({.daemon = true, .start_method = by}, [](mp::Connection own) {
                  own.send(1);
                  sleep_for_ever();
                }, mp::Connection(::dup(c.fileno())));
                daemon.start();
                c.send(2);
              }, std::move(out), inner);
              // All who could write have ended; the daemon may have been before it had written.
              int sum = 0;
              try {
                for (;;) sum += in.recv<int>();
              } catch (const mp::EOFError&) {
                std::cout << (sum == 2 || sum == 3);
              }
            }) == "1");
    }
  }
}

TEST_CASE("what a child was sent it can send on, by any method", "[contract][process]") {
  for (const char* const method : every_method) {
    INFO(method);
    CHECK(output_by(method, [] {
            for (const char* const second : every_method) {
              for (const char* const third : every_method) {
                auto [in, out] = mp::Pipe(false);
                const mp::Value<int> value(0);
                run(pass_on, std::vector<std::string>{third, second}, value, mp::Lock(), std::move(out));
                std::cout << value.get() << in.recv<std::string>() << ' ';
              }
            }
          }) == "3end 3end 3end 3end 3end 3end 3end 3end 3end ");
  }
}

TEST_CASE("a child's own start method is that by which it was started", "[contract][process]") {
  for (const char* const programs : every_method) {
    for (const char* const method : every_method) {
      INFO(programs << ", then " << method);
      CHECK(output_by(programs, [&] {
              run({.start_method = method}, [] {
                std::cout << mp::get_start_method(true).value_or("none") << ' ' << std::flush;
                run([] { std::cout << mp::get_start_method(true).value_or("none"); });
              });
              std::cout << ' ' << mp::get_start_method();
            }) == std::string(method) + ' ' + method + ' ' + programs);
    }
  }
}

TEST_CASE("a process of a given method leaves the program's own method open", "[contract][process]") {
  for (const char* const method : every_method) {
    INFO(method);
    const Outcome ran = run_program([&] {
      run(mp::ProcessOptions{.start_method = method}, [] {});
      std::cout << mp::get_start_method(true).value_or("none");
      mp::set_start_method("forkserver");
    });
    CHECK(ran.out == "none");
  }
}

TEST_CASE("the program's own method may change, and each process is of that which it had then", "[contract][process]") {
  const Outcome ran = run_program([] {
    static int seen = 0;
    seen = 1;
    for (int round = 0; round < 2; ++round) {
      for (const char* const method : every_method) {
        mp::set_start_method(method, true);
        run([] { std::cout << mp::current_process().name() << ' ' << mp::get_start_method() << seen << '\n'; });
      }
    }
  });
  CHECK(ran.out ==
        "Process-1 fork1\nProcess-2 spawn0\nProcess-3 forkserver0\n"
        "Process-4 fork1\nProcess-5 spawn0\nProcess-6 forkserver0\n");
}

TEST_CASE("a child is known to the system by the program's name", "[contract][process]") {
  CHECK(output_by_every_method([] {
          const auto name_in_system = [] {
            char name[16];
            ::pthread_getname_np(::pthread_self(), name, sizeof name);
            return std::string(name);
          };
          const std::string mine = name_in_system();
          std::cout << mine.empty();
          run([](std::string parents, std::string (*own)()) { std::cout << (own() == parents ? "same" : own()); }, mine,
              +name_in_system);
        }) == "0same");
}

TEST_CASE("a program that has closed all descriptors is told so where a child is started anew, and its own are left alone",
          "[contract][process]") {
  for (const char* const method : {"spawn", "forkserver"}) {
    INFO(method);
    CHECK(output_by(method, [] {
            run([] {});
            char name[] = "/tmp/multiprocessing-XXXXXX";
            const int own = ::mkstemp(name);
            ::unlink(name);
            for (int fd = 3; fd < 100; ++fd) {
              if (fd != own) ::close(fd);
            }
            while (::dup(own) < 99) continue;
            for (int i = 0; i < 2; ++i) {
              try {
                run([] {});
              } catch (const mp::RuntimeError& error) {
                std::cout << (std::string(error.what()).find("close only descriptors that it has opened itself") != std::string::npos);
              }
            }
            std::cout << ::lseek(own, 0, SEEK_END) << run({.start_method = "fork"}, [] { throw mp::SystemExit(3); });
            for (int fd = 3; fd < 100; ++fd) std::cout << (::fcntl(fd, F_GETFD) == -1 ? "closed" : "");
          }) == "1103");
  }
}
