// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/reduction.hpp>

#include <multiprocessing/connection/pipe.hpp>

#include "support/catch.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <tuple>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

/// The two ends of a bare pipe.
std::array<int, 2> bare_pipe() {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  return ends;
}

}  // namespace

TEST_CASE("DupFd: a descriptor is sent and received, and each side's is its own", "[reduction]") {
  auto [here, there] = mp::Pipe();
  const auto [read, write] = bare_pipe();
  there.send(mp::DupFd(write));
  ::close(write);
  mp::DupFd received = here.recv<mp::DupFd>();
  const int own = received.detach();
  CHECK(received.detach() == -1);
  CHECK((::fcntl(own, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(::write(own, "x", 1) == 1);
  ::close(own);
  char text[2];
  CHECK(::read(read, text, 2) == 1);
  CHECK(::read(read, text, 2) == 0);  // nobody else holds the writing end
  ::close(read);
  CHECK_THROWS_AS(there.send(mp::DupFd()), mp::ValueError);
  CHECK_THROWS_AS(mp::DupFd(100'000), mp::OSError);
}

TEST_CASE("DupFd: several in one message, also with numbers above 255", "[reduction]") {
  auto [here, there] = mp::Pipe(false);
  const auto [read, write] = bare_pipe();
  const int high = ::fcntl(write, F_DUPFD_CLOEXEC, 300);
  REQUIRE(high >= 300);
  ::close(write);
  mp::Connection reader(read, true, false);
  {
    std::vector<mp::DupFd> several;
    for (int i = 0; i < 3; ++i) several.emplace_back(high);
    there.send(several);
    ::close(high);
  }
  int sum = 0;
  for (mp::DupFd& each : here.recv<std::vector<mp::DupFd>>()) {
    mp::Connection writer(each.detach(), false, true);
    writer.send(1);
    sum += reader.recv<int>();
  }
  CHECK(sum == 3);
  CHECK_THROWS_AS(reader.recv(), mp::EOFError);
}

TEST_CASE("Connection: descriptors that came and that no value names are closed", "[reduction][hostile]") {
  auto [here, there] = mp::Pipe();
  const std::vector<int> flood(mp::detail::most_descriptors, there.fileno());
  const mp::bytes message = mp::pickle::dumps(std::tuple(0, true, true));
  const auto send_flood = [&flood, fd = there.fileno()](const mp::bytes& content) {
    const std::string frame = mp::detail::framed(content.view());
    REQUIRE(mp::detail::write_with_descriptors(fd, frame, {}, flood) == static_cast<std::ptrdiff_t>(frame.size()));
  };
  for (int i = 0; i < 20; ++i) {
    send_flood(message);
    CHECK_FALSE(here.recv<mp::Connection>().closed());
    send_flood(mp::pickle::dumps("no Connection"));
    CHECK_THROWS_AS(here.recv<mp::Connection>(), mp::UnpicklingError);
    send_flood(message);
    here.recv_bytes();
    send_flood(message);
    here.recv();
  }
  // The same number twice: the second is refused, and neither is left.
  send_flood(mp::pickle::dumps(std::vector<std::tuple<int, bool, bool>>{{0, true, true}, {0, true, true}}));
  CHECK_THROWS_AS(here.recv<std::vector<mp::Connection>>(), mp::UnpicklingError);
  // Those of a message that never ends go with its Connection.
  const std::string cut = "\1";
  REQUIRE(mp::detail::write_with_descriptors(there.fileno(), cut, {}, flood) == 1);
  CHECK_THROWS_AS(here.recv<mp::Connection>(1ms), mp::TimeoutError);
}  // the main program looks whether any descriptor is left

TEST_CASE("Connection: descriptors cross only Unix sockets", "[reduction]") {
  const auto [read, write] = bare_pipe();
  mp::Connection reader(read, true, false), writer(write, false, true);
  CHECK_THROWS_WITH(writer.send(mp::DupFd(read)), contains("only through a Unix socket"));
  writer.send(1);
  CHECK(reader.recv<int>() == 1);
}

TEST_CASE("send_handle: a descriptor by itself, beside messages", "[reduction]") {
  auto [here, there] = mp::Pipe();
  const auto [read, write] = bare_pipe();
  mp::reduction::send_handle(here, write, 1);
  here.send("after it");
  ::close(write);
  const int received = mp::reduction::recv_handle(there);
  CHECK(there.recv<std::string>() == "after it");
  CHECK(::write(received, "abc", 3) == 3);
  ::close(received);
  char text[4];
  CHECK(::read(read, text, 4) == 3);
  ::close(read);
}

TEST_CASE("recvfds: what is not as many as announced is refused, and none is left", "[reduction]") {
  auto [here, there] = mp::Pipe();
  const int fds[] = {there.fileno(), there.fileno()};
  mp::reduction::sendfds(there.fileno(), fds);
  CHECK_THROWS_AS(mp::reduction::recvfds(here.fileno(), 1), mp::RuntimeError);
  there.send("no descriptor");
  CHECK_THROWS_AS(mp::reduction::recvfds(here.fileno(), 1), mp::RuntimeError);
  CHECK_THROWS_AS(mp::reduction::recv_handle(there, 1ms), mp::TimeoutError);
  auto [open, closed] = mp::Pipe();
  closed.close();
  CHECK_THROWS_AS(mp::reduction::recv_handle(open), mp::EOFError);
}

TEST_CASE("rebuild_connection: what is none of Python's is refused", "[reduction]") {
  CHECK_THROWS_AS(mp::reduction::rebuild_connection(mp::object(1), "key"), mp::Exception);
  const mp::instance other(mp::global("builtins.ValueError"), mp::tuple{1, 2, 3});
  CHECK_THROWS_AS(mp::reduction::rebuild_connection(other, "key"), mp::TypeError);
  CHECK_THROWS_AS(mp::reduction::rebuild_socket(other, "key"), mp::TypeError);
  CHECK_THROWS_AS(mp::reduction::detach(other, "key"), mp::TypeError);
}
