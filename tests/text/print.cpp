// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/text/print.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <list>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace mp = multiprocessing;

namespace {

/// Gives std::cout another buffer while it lives.
class Redirected {
 public:
  Redirected() : before_(std::cout.rdbuf(text_.rdbuf())) {}
  ~Redirected() { std::cout.rdbuf(before_); }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::streambuf* before_;
};

template <class... Args>
std::string printed(const Args&... args) {
  const Redirected cout;
  mp::print(args...);
  return cout.text();
}

/// What a child wrote to its standard output, a string for each write(2), and its exit status.
struct Output {
  std::vector<std::string> writes;
  int status = 0;

  std::string text() const {
    std::string all;
    for (const std::string& part : writes) all += part;
    return all;
  }
};

/// Runs `body` in a child whose standard output is a pipe that keeps each write apart (up to 4096 bytes).
template <class Body>
Output output_of(Body body, int flags = O_DIRECT) {
  int ends[2];
  REQUIRE(::pipe2(ends, flags) == 0);
  const pid_t child = start_child([&] {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    body();
  });
  ::close(ends[1]);
  Output output;
  std::vector<char> buffer(1 << 16);
  for (ssize_t n; (n = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
    output.writes.emplace_back(buffer.data(), static_cast<std::size_t>(n));
  }
  ::close(ends[0]);
  output.status = exit_status(child);
  return output;
}

struct Failing : std::streambuf {};

}  // namespace

TEST_CASE("print: values with spaces between, and a line's end", "[text][print]") {
  CHECK(printed() == "\n");
  CHECK(printed(1) == "1\n");
  CHECK(printed("a", 'b', std::string("c"), std::string_view("d")) == "a b c d\n");
  CHECK(printed(1, 2.5, true, std::optional<int>(), "s", std::vector<std::string>{"a"}) == "1 2.5 True None s ['a']\n");
  CHECK(printed(nullptr, std::map<int, int>{{1, 2}}) == "None {1: 2}\n");
}

TEST_CASE("print: sep and end are the caller's", "[text][print]") {
  const Redirected cout;
  mp::print({.sep = ", ", .end = "!\n"}, 1, 2);
  mp::print({.end = ""}, "no line");
  mp::print({.sep = ""}, 1, 2, 3);
  const mp::PrintOptions options{.sep = "-"};
  mp::print(options, 4, 5);
  mp::print({});
  CHECK(cout.text() == "1, 2!\nno line123\n4-5\n\n");
}

TEST_CASE("print: file is any stream, and gets the line in one insertion", "[text][print]") {
  struct Counting : std::stringbuf {
    std::vector<std::string> insertions;
    int flushes = 0;
    std::streamsize xsputn(const char* text, std::streamsize size) override {
      insertions.emplace_back(text, static_cast<std::size_t>(size));
      return size;
    }
    int sync() override { return ++flushes, 0; }
  } buffer;
  std::ostream stream(&buffer);
  stream.width(20);  // a formatted insertion would be padded

  mp::print({.file = &stream}, "a", 1);
  CHECK(buffer.insertions == std::vector<std::string>{"a 1\n"});
  CHECK(buffer.flushes == 0);

  mp::print({.file = &stream, .flush = true}, "b");
  CHECK(buffer.insertions.size() == 2);
  CHECK(buffer.flushes == 1);
}

TEST_CASE("print: a stream that refuses the text is an OSError", "[text][print]") {
  Failing nothing;
  std::ostream stream(&nothing);
  CHECK_THROWS_AS(mp::print({.file = &stream}, 1), mp::OSError);
  std::ofstream closed;
  CHECK_THROWS_AS(mp::print({.file = &closed}, 1), mp::OSError);
}

TEST_CASE("print: a line is one write", "[text][print]") {
  const Output output = output_of([] {
    mp::print("first", 1, std::vector{1, 2});
    mp::print({.file = &std::cout}, "second");
    mp::print({.end = ""}, "third");
  });
  CHECK(output.status == 0);
  CHECK(output.writes == std::vector<std::string>{"first 1 [1, 2]\n", "second\n", "third"});
}

TEST_CASE("print: keeps its place among the text of stdio and std::cout", "[text][print]") {
  const Output output = output_of([] {
    std::printf("1 ");
    std::cout << "2 ";
    mp::print(3);
    std::cout << "4 ";
    std::printf("5 ");
    mp::print(6);
    std::printf("7");
  });
  CHECK(output.status == 0);
  CHECK(output.text() == "1 2 3\n4 5 6\n7");
}

TEST_CASE("print: keeps its place after sync_with_stdio(false)", "[text][print]") {
  const Output output = output_of([] {
    std::ios::sync_with_stdio(false);
    std::cout << "1 ";
    mp::print(2);
    std::cout << "3 ";
    mp::print(4);
  });
  CHECK(output.status == 0);
  CHECK(output.text() == "1 2\n3 4\n");
  CHECK(std::find(output.writes.begin(), output.writes.end(), "2\n") != output.writes.end());
}

TEST_CASE("print: follows a std::cout that was given another file", "[text][print]") {
  const Output output = output_of([] {
    std::ofstream null("/dev/null");
    std::streambuf* const before = std::cout.rdbuf(null.rdbuf());
    mp::print("elsewhere");
    std::cout.rdbuf(before);
    mp::print("here");
  });
  CHECK(output.text() == "here\n");
}

TEST_CASE("print: a reader that is gone is a BrokenPipeError, and no signal", "[text][print]") {
  int ends[2];
  REQUIRE(::pipe2(ends, 0) == 0);
  ::close(ends[0]);
  const int status = in_child([&] {
    std::signal(SIGPIPE, SIG_DFL);
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[1]);
    for (int i = 0; i < 2; ++i) {
      try {
        mp::print("nobody reads");
        return 1;
      } catch (const mp::BrokenPipeError&) {
      }
    }
    std::printf("stdio meets the broken pipe first");
    try {
      mp::print("nobody reads");
      return 2;
    } catch (const mp::BrokenPipeError&) {
    }
    std::ios::sync_with_stdio(false);
    std::cout << "std::cout does";
    try {
      mp::print("nobody reads");
      return 5;
    } catch (const mp::BrokenPipeError&) {
    }
    sigset_t signals;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &signals);
    if (::sigismember(&signals, SIGPIPE)) return 3;
    ::sigpending(&signals);
    if (::sigismember(&signals, SIGPIPE)) return 4;
    ::_exit(0);  // at once: the text that stdio still holds would raise the signal
  });
  ::close(ends[1]);
  CHECK(status == 0);
}

TEST_CASE("print: leaves a SIGPIPE alone that the program holds back", "[text][print]") {
  int ends[2];
  REQUIRE(::pipe2(ends, 0) == 0);
  ::close(ends[0]);
  const int status = in_child([&] {
    sigset_t pipe;
    ::sigemptyset(&pipe);
    ::sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    ::raise(SIGPIPE);
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[1]);
    try {
      mp::print("nobody reads");
      return 1;
    } catch (const mp::BrokenPipeError&) {
    }
    sigset_t pending;
    ::sigpending(&pending);
    return ::sigismember(&pending, SIGPIPE) ? 0 : 2;
  });
  ::close(ends[1]);
  CHECK(status == 0);
}

TEST_CASE("print: what the kernel refuses is an OSError with its reason", "[text][print]") {
  const auto reason = [](int fd) {
    return in_child([&] {
      if (fd == -1)
        ::close(STDOUT_FILENO);
      else
        ::dup2(fd, STDOUT_FILENO);
      try {
        mp::print("text");
      } catch (const mp::OSError& error) {
        return error.code().value();
      }
      return 0;
    });
  };
  CHECK(reason(-1) == EBADF);
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  REQUIRE(full != -1);
  CHECK(reason(full) == ENOSPC);
  ::close(full);
}

TEST_CASE("print: a long text survives partial writes, signals and a non-blocking pipe", "[text][print]") {
  const std::string text(1 << 20, 'x');
  const auto interrupted = [&] {
    struct sigaction action {};
    action.sa_handler = [](int) {};  // without SA_RESTART: write fails with EINTR, or stops half-way
    ::sigaction(SIGALRM, &action, nullptr);
    const itimerval often{{0, 500}, {0, 500}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
    mp::print(text);
  };
  const Output blocking = output_of(interrupted, 0);
  CHECK(blocking.status == 0);
  CHECK(blocking.text() == text + "\n");

  const Output polled = output_of(
      [&] {
        ::fcntl(STDOUT_FILENO, F_SETFL, ::fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK);
        interrupted();
      },
      0);
  CHECK(polled.status == 0);
  CHECK(polled.text() == text + "\n");
}

TEST_CASE("print: lines of several processes and threads never mix", "[text][print]") {
  constexpr int processes = 4, threads = 2, lines = 200;
  const Output output = output_of(
      [] {
        std::array<pid_t, processes> children;
        for (pid_t& child : children) {
          child = start_child([] {
            std::vector<std::thread> workers;
            for (int t = 0; t < threads; ++t) {
              workers.emplace_back([t] {
                const std::string body(200, static_cast<char>('a' + t));
                for (int n = 0; n < lines; ++n) mp::print("<", body, n, body, ">");
              });
            }
            for (std::thread& worker : workers) worker.join();
          });
        }
        for (const pid_t child : children) {
          if (exit_status(child) != 0) return 1;
        }
        return 0;
      },
      0);
  REQUIRE(output.status == 0);

  std::istringstream all(output.text());
  std::map<std::string, int> seen;
  for (std::string line; std::getline(all, line);) ++seen[line];
  REQUIRE(seen.size() == threads * lines);
  for (const auto& [line, times] : seen) {
    CAPTURE(line);
    REQUIRE(times == processes);
    const std::string body(200, line[2]);
    const std::string number = line.substr(203, line.size() - 203 - 203);
    REQUIRE(line == "< " + body + " " + number + " " + body + " >");
  }
}

namespace everything {

using namespace multiprocessing;
using namespace std;

string unqualified() {
  const Redirected cout;
  print(1);
  print({.sep = ","}, 1, 2);
  list<int> numbers{1};
  print(numbers);
  return cout.text();
}

}  // namespace everything

TEST_CASE("print: goes with using namespace std", "[text][print]") {
  CHECK(everything::unqualified() == "1\n1,2\n[1]\n");
}
