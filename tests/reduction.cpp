// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/reduction.hpp>

#include <multiprocessing/connection/client.hpp>
#include <multiprocessing/connection/pipe.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

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

/// What a message names the Connection by that came with it as descriptor `number`.
mp::object connection_number(int number) {
  const mp::object fd = mp::instance::with_state(mp::global("multiprocessing.resource_sharer.DupFd"),
                                                 mp::dict{{"_id", mp::tuple{mp::None, number}}});
  return mp::instance(mp::global("multiprocessing.connection.rebuild_connection"), mp::tuple{fd, true, true});
}

/// A Pipe whose first end takes the second for a Python.
mp::Pipe pipe_to_python() {
  mp::Pipe pipe;
  pipe.first.python_peer(true);
  return pipe;
}

/// Waits for the end of a pipe: until nobody has its other end any more.
bool is_closed_soon(mp::Connection& reader) {
  try {
    reader.recv(20s);
  } catch (const mp::EOFError&) {
    return true;
  }
  return false;
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
  const mp::bytes message = mp::pickle::dumps(connection_number(0));
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
  send_flood(mp::pickle::dumps(mp::list{connection_number(0), connection_number(0)}));
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

TEST_CASE("Connection: to a Python descriptors are sent to be fetched, each once", "[reduction][resource_sharer]") {
  auto [here, there] = pipe_to_python();
  auto [reader, writer] = mp::Pipe(false);
  here.send(writer);
  {
    std::vector<mp::DupFd> one;
    one.emplace_back(writer.fileno());
    here.send(one);
  }
  const mp::bytes first = there.recv_bytes();
  const mp::object ids = mp::pickle::loads(first);
  {
    auto fetched = mp::pickle::loads<mp::Connection>(first);
    CHECK((!fetched.readable() && fetched.writable()));
    fetched.send("through it");
    CHECK(reader.recv<std::string>() == "through it");
    CHECK_THROWS_AS(mp::pickle::loads<mp::Connection>(first), mp::EOFError);
    const auto sent = there.recv<std::vector<mp::DupFd>>();
    CHECK(sent.size() == 1);
  }
  writer.close();
  CHECK(is_closed_soon(reader));  // nothing is shared any more
  mp::resource_sharer::stop();
}

TEST_CASE("Connection: what a Python never fetches goes when its end is closed", "[reduction][resource_sharer]") {
  auto [reader, writer] = mp::Pipe(false);
  {
    auto [here, there] = pipe_to_python();
    here.send(writer);
    writer.close();
    CHECK_FALSE(reader.poll());  // shared still
    there.close();
  }
  CHECK(is_closed_soon(reader));

  // And by stop(), and when the message could not be sent.
  auto [second_reader, second_writer] = mp::Pipe(false);
  auto [here, there] = pipe_to_python();
  here.send(second_writer);
  there.close();
  CHECK_THROWS_AS(here.send(second_writer), mp::BrokenPipeError);
  second_writer.close();
  CHECK_FALSE(second_reader.poll());
  mp::resource_sharer::stop();
  CHECK(second_reader.poll());
}

TEST_CASE("Connection: a child shares nothing of its parent's", "[reduction][resource_sharer]") {
  auto [reader, writer] = mp::Pipe(false);
  auto [here, there] = pipe_to_python();
  here.send(writer);
  const mp::bytes message = there.recv_bytes();
  auto [from_child, to_parent] = mp::Pipe(false);
  auto [held, holding] = mp::Pipe(false);
  const pid_t child = start_child(
      [&, &writer = writer, &to_parent = to_parent, &here = here, &there = there, &held = held, &holding = holding] {
        holding.close();
        writer.close();
        // With its own sharer it may go on.
        auto [own_reader, own_writer] = mp::Pipe(false);
        here.send(own_writer);
        there.recv<mp::Connection>().send(7);
        const bool good = own_reader.recv<int>() == 7;
        mp::resource_sharer::stop();
        to_parent.send(good);
        held.poll(std::nullopt);  // until the parent has seen that there is no copy here
        return 0;
      });
  to_parent.close();
  CHECK(from_child.recv<bool>());
  mp::pickle::loads<mp::Connection>(message).send("fetched from the parent");
  CHECK(reader.recv<std::string>() == "fetched from the parent");
  writer.close();
  CHECK(is_closed_soon(reader));
  holding.close();
  CHECK(exit_status(child) == 0);
  mp::resource_sharer::stop();
}

TEST_CASE("Connection: whoever has not the key, or no number that is shared, fetches nothing",
          "[reduction][resource_sharer][hostile]") {
  auto [here, there] = pipe_to_python();
  auto [reader, writer] = mp::Pipe(false);
  here.send(writer);
  const mp::bytes message = there.recv_bytes();
  const mp::object sent = mp::pickle::loads(message);
  CHECK_THROWS_AS(mp::reduction::rebuild_connection(sent, "another key"), mp::AuthenticationError);
  const mp::object id = sent.to<mp::instance>().args()[0].to<mp::instance>().state()["_id"];
  const auto with_number = [&](long number) {
    return mp::instance::with_state(mp::global("multiprocessing.resource_sharer.DupFd"),
                                    mp::dict{{"_id", mp::tuple{id[0], number}}});
  };
  const std::string key = *mp::detail::own_authkey();
  CHECK_THROWS_AS(mp::reduction::detach(with_number(1), key), mp::EOFError);
  CHECK_THROWS_AS(mp::reduction::detach(with_number(-1), key), mp::EOFError);
  // Strangers who say nothing, or nonsense, hold nobody up.
  std::vector<mp::Client> silent;
  for (int i = 0; i < 100; ++i) {
    silent.emplace_back(mp::Address(id[0].to<std::string>()), mp::ClientOptions{});
    if (i % 2 == 0) silent.back().send_bytes("nonsense");
  }
  for (const auto& wish : {mp::object("no wish"), mp::object(mp::None), mp::object(mp::tuple{1, "x"})}) {
    mp::Client client(mp::Address(id[0].to<std::string>()), {.authkey = key});
    client.send(wish);
    CHECK_THROWS_AS(client.recv(20s), mp::EOFError);
  }
  mp::pickle::loads<mp::Connection>(message).send("still there");
  CHECK(reader.recv<std::string>() == "still there");
  mp::resource_sharer::stop();
}

TEST_CASE("rebuild_connection: what is none of Python's is refused", "[reduction]") {
  CHECK_THROWS_AS(mp::reduction::rebuild_connection(mp::object(1), "key"), mp::Exception);
  const mp::instance other(mp::global("builtins.ValueError"), mp::tuple{1, 2, 3});
  CHECK_THROWS_AS(mp::reduction::rebuild_connection(other, "key"), mp::TypeError);
  CHECK_THROWS_AS(mp::reduction::rebuild_socket(other, "key"), mp::TypeError);
  CHECK_THROWS_AS(mp::reduction::detach(other, "key"), mp::TypeError);
}
