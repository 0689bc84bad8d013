// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/connection/wait.hpp>

#include <multiprocessing/connection/pipe.hpp>
#include <multiprocessing/process.hpp>

#include "support/catch.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

// The first process of a program opens what all later ones use: that is no leak of a test's.
const bool first_process_was = [] {
  mp::Process first([] {});
  first.start();
  return first.join();
}();

/// As asio's sockets name their descriptor.
struct Native {
  int fd;
  int native_handle() { return fd; }
};

}  // namespace

TEST_CASE("wait: all that are ready, in their order, and an end is ready", "[connection][wait]") {
  auto [a, a_far] = mp::Pipe();
  auto [b, b_far] = mp::Pipe();
  auto [c, c_far] = mp::Pipe();
  CHECK(mp::connection::wait({a, b, c}, false).empty());
  CHECK(mp::connection::wait({a, b, c}, 1ms).empty());
  CHECK(mp::connection::wait({a, b, c}, -1s).empty());
  c_far.send(1);
  CHECK(mp::connection::wait({a, b, c}) == std::vector<mp::connection::Waitable>{c});
  a_far.close();
  const auto ready = mp::connection::wait({a, b, c}, 5s);
  REQUIRE(ready.size() == 2);
  CHECK(ready[0] == a);
  CHECK(ready[1] == c);
}

TEST_CASE("wait: a timeout lasts as long as it says", "[connection][wait]") {
  auto [a, a_far] = mp::Pipe();
  const auto begin = std::chrono::steady_clock::now();
  CHECK(mp::connection::wait({a}, 30ms).empty());
  CHECK(std::chrono::steady_clock::now() - begin >= 30ms);
}

TEST_CASE("wait: nothing to wait for is nothing ready", "[connection][wait]") {
  std::vector<mp::Connection> none;
  CHECK(mp::connection::wait(none).empty());
  CHECK(mp::connection::wait({}, 5s).empty());
}

TEST_CASE("wait: Connections, sentinels, sockets and descriptors in one", "[connection][wait]") {
  auto [a, a_far] = mp::Pipe();
  int ends[2], pipe[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  REQUIRE(::pipe2(pipe, O_CLOEXEC) == 0);
  Native socket{ends[0]};
  mp::Process child(
      [](mp::Connection end) {
        end.recv<int>();
        throw mp::SystemExit(3);
      },
      std::move(a_far));
  child.start();

  const auto all = [&, &a = a] { return mp::connection::wait({a, child.sentinel(), socket, pipe[0]}, 0s); };
  CHECK(all().empty());
  REQUIRE(::write(pipe[1], "x", 1) == 1);
  CHECK(all() == std::vector<mp::connection::Waitable>{pipe[0]});
  REQUIRE(::write(ends[1], "x", 1) == 1);
  CHECK(all().size() == 2);
  a.send(1);
  CHECK(mp::connection::wait({child.sentinel()}, 30s).size() == 1);
  CHECK(all().size() == 4);
  child.join();
  CHECK(child.exitcode() == 3);
  for (const int fd : {ends[0], ends[1], pipe[0], pipe[1]}) ::close(fd);
}

TEST_CASE("wait: a container gives pointers to those that are ready", "[connection][wait]") {
  std::vector<mp::Connection> readers, writers;
  for (int i = 0; i < 4; ++i) {
    auto [reader, writer] = mp::Pipe(false);
    readers.push_back(std::move(reader));
    writers.push_back(std::move(writer));
  }
  writers[2].send(20);
  writers[3].send(30);
  int sum = 0;
  for (mp::Connection* ready : mp::connection::wait(readers)) sum += ready->recv<int>();
  CHECK(sum == 50);

  const std::vector<mp::Connection*> pointers{&readers[0], &readers[1]};
  writers[1].send(1);
  CHECK(mp::connection::wait(pointers, 5s) == std::vector<mp::Connection*>{&readers[1]});
  std::vector<int> fds{readers[0].fileno(), readers[1].fileno()};
  CHECK(mp::connection::wait(fds, 5s) == std::vector<int>{readers[1].fileno()});
  std::vector<mp::connection::Waitable> waitables(fds.begin(), fds.end());
  CHECK(mp::connection::wait(waitables, 5s).at(0) == readers[1]);
}

TEST_CASE("wait: what is closed is an error, and not ready for ever", "[connection][wait]") {
  auto [a, a_far] = mp::Pipe();
  const int gone = ::fcntl(a.fileno(), F_DUPFD, 500);
  ::close(gone);
  CHECK_THROWS_WITH(mp::connection::wait({a, gone}), contains("is not open"));
  a.close();
  CHECK_THROWS_WITH(mp::connection::wait({a}), contains("handle is closed"));
}

TEST_CASE("wait: a negative descriptor is an error, and not waited for without end", "[connection][wait]") {
  auto [a, a_far] = mp::Pipe();
  CHECK_THROWS_AS(mp::connection::wait({-1}, 5s), mp::ValueError);
  a_far.send(1);
  CHECK_THROWS_WITH(mp::connection::wait({a, -7}, 5s), contains("invalid file descriptor -7"));
}
