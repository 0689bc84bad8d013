// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/connection/connection.hpp>

#include <multiprocessing/connection/listener.hpp>
#include <multiprocessing/connection/pipe.hpp>
#include <multiprocessing/process.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <map>
#include <numeric>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

static_assert(!std::is_copy_constructible_v<mp::Connection> && std::is_nothrow_move_constructible_v<mp::Connection>);

namespace {

/// The bare writing end of a stream whose reading end is a Connection.
struct Bare {
  Bare() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    connection = mp::Connection(ends[0]);
    fd = ends[1];
  }
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;
  ~Bare() { end(); }

  void write(std::string_view bytes) const {
    REQUIRE(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  void end() {
    if (fd != -1) ::close(std::exchange(fd, -1));
  }

  mp::Connection connection;
  int fd = -1;
};

// The first process of a program opens what all later ones use: that is no leak of a test's.
const bool first_process_was = [] {
  mp::Process first([] {});
  first.start();
  return first.join();
}();

std::string header(std::size_t size) { return std::string(mp::detail::FrameHeader(size).view()); }

}  // namespace

TEST_CASE("Connection: values arrive as what they are asked for", "[connection]") {
  auto [here, there] = mp::Pipe();
  there.send(std::map<std::string, std::vector<double>>{{"a", {1.5, 2}}});
  there.send(std::tuple(1, "two", 3.0));
  there.send("text");
  there.send(7);

  CHECK(here.recv<std::map<std::string, std::vector<double>>>() ==
        std::map<std::string, std::vector<double>>{{"a", {1.5, 2}}});
  CHECK(here.recv<std::tuple<int, std::string, double>>() == std::tuple<int, std::string, double>(1, "two", 3.0));
  const mp::object text = here.recv();
  CHECK(text.to<std::string>() == "text");
  CHECK_THROWS_AS(here.recv<std::string>(), mp::UnpicklingError);

  here.send(8);  // a message that did not fit is gone, and all goes on
  CHECK(there.recv<int>() == 8);
  there.send(9);
  CHECK(here.recv<int>() == 9);
}

TEST_CASE("Connection: send_bytes takes text, bytes and numbers, and any part of them", "[connection]") {
  auto [here, there] = mp::Pipe();
  const std::array<std::uint16_t, 2> numbers{0x4141, 0x4242};
  there.send_bytes("literal");
  there.send_bytes(std::string("a\0b", 3));
  there.send_bytes(numbers);
  there.send_bytes(std::vector<std::byte>{std::byte{'x'}});
  there.send_bytes(mp::bytes("bytes"));
  there.send_bytes(std::vector<char>{'c'});
  there.send_bytes("");
  there.send_bytes("0123456789", 3);
  there.send_bytes("0123456789", 3, 4);
  there.send_bytes("0123456789", 10, 0);

  for (const std::string& expected :
       {std::string("literal"), std::string("a\0b", 3), std::string("AABB"), std::string("x"), std::string("bytes"),
        std::string("c"), std::string(), std::string("3456789"), std::string("3456"), std::string()}) {
    CHECK(here.recv_bytes().view() == expected);
  }

  CHECK_THROWS_WITH(there.send_bytes("abc", -1), contains("offset is negative"));
  CHECK_THROWS_WITH(there.send_bytes("abc", 4), contains("buffer length < offset"));
  CHECK_THROWS_WITH(there.send_bytes("abc", 1, -1), contains("size is negative"));
  CHECK_THROWS_WITH(there.send_bytes("abc", 1, 3), contains("buffer length < offset + size"));
  CHECK_THROWS_AS(there.send_bytes("abc", 4, 0), mp::ValueError);
  CHECK_FALSE(here.poll());
}

TEST_CASE("Connection: recv_bytes_into fills any array of numbers, and says what it could not hold", "[connection]") {
  auto [here, there] = mp::Pipe();
  std::vector<std::uint16_t> numbers(4);
  there.send_bytes("AABB");
  CHECK(here.recv_bytes_into(numbers) == 4);
  CHECK(numbers == std::vector<std::uint16_t>{0x4141, 0x4242, 0, 0});
  there.send_bytes("CC");
  CHECK(here.recv_bytes_into(numbers, 6) == 2);
  CHECK(numbers[3] == 0x4343);
  there.send_bytes("");
  CHECK(here.recv_bytes_into(numbers, 8) == 0);

  there.send_bytes("much too long");
  try {
    here.recv_bytes_into(numbers, 2);
    FAIL("a message of 13 bytes does not fit into 6");
  } catch (const mp::BufferTooShort& error) {
    CHECK(error.message().view() == "much too long");
  }
  CHECK_THROWS_WITH(here.recv_bytes_into(numbers, -1), contains("negative offset"));
  CHECK_THROWS_WITH(here.recv_bytes_into(numbers, 9), contains("offset too large"));
  there.send(1);
  CHECK(here.recv<int>() == 1);
}

TEST_CASE("Connection: a message beyond maxlength makes it unreadable, as in Python", "[connection]") {
  auto [here, there] = mp::Pipe();
  there.send_bytes("12345");
  CHECK(here.recv_bytes(5).view() == "12345");
  there.send_bytes("123456");
  CHECK_THROWS_WITH(here.recv_bytes(5), contains("bad message length"));
  CHECK_FALSE(here.readable());
  CHECK_THROWS_WITH(here.recv_bytes(), contains("connection is write-only"));
  here.send_bytes("still writes");
  CHECK(there.recv_bytes().view() == "still writes");

  auto [reader, writer] = mp::Pipe(false);
  writer.send_bytes("123456");
  CHECK_THROWS_AS(reader.recv_bytes(5), mp::OSError);
  CHECK(reader.closed());
}

TEST_CASE("Connection: the end of the other side is EOFError, and inside a message OSError", "[connection]") {
  Bare bare;
  bare.write(header(3) + "abc");
  bare.end();
  CHECK(bare.connection.poll());
  CHECK(bare.connection.recv_bytes().view() == "abc");
  CHECK(bare.connection.poll());
  CHECK_THROWS_AS(bare.connection.recv_bytes(), mp::EOFError);
  CHECK_THROWS_AS(bare.connection.recv(), mp::EOFError);

  const auto cut = GENERATE(std::string("\0", 1), std::string("\0\0\0\5", 4), header(5) + "abc",
                            std::string("\xff\xff\xff\xff\0\0", 6));
  Bare broken;
  broken.write(cut);
  broken.end();
  CHECK_THROWS_WITH(broken.connection.recv_bytes(), contains("got end of file during message"));
  CHECK_THROWS_AS(broken.connection.recv_bytes(), mp::EOFError);
}

TEST_CASE("Connection: lengths that no message can have are refused before any memory is asked for", "[connection]") {
  const auto length =
      GENERATE(std::string("\xff\xff\xff\xfe", 4), std::string("\x80\0\0\0", 4), std::string(12, '\xff'));
  Bare bare;
  bare.write(length);
  CHECK_THROWS_WITH(bare.connection.recv_bytes(), contains("bad message length"));
  CHECK_FALSE(bare.connection.readable());
}

TEST_CASE("Connection: a message of an exabyte that never comes costs no memory", "[connection]") {
  Bare bare;
  bare.write(header(std::size_t{1} << 60) + std::string(10'000, 'x'));
  CHECK_THROWS_AS(bare.connection.recv_bytes(std::nullopt, 1ms), mp::TimeoutError);
  bare.end();
  CHECK_THROWS_AS(bare.connection.recv_bytes(), mp::OSError);
}

TEST_CASE("Connection: a send to nobody is BrokenPipeError, and no signal", "[connection]") {
  auto [here, there] = mp::Pipe(GENERATE(true, false));
  here.close();
  CHECK_THROWS_AS(there.send(1), mp::BrokenPipeError);

  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  mp::Connection writer(ends[1], false, true);
  ::close(ends[0]);
  CHECK_THROWS_AS(writer.send(1), mp::BrokenPipeError);
}

TEST_CASE("Connection: what is closed says so", "[connection]") {
  auto [here, there] = mp::Pipe();
  CHECK(here.fileno() >= 0);
  mp::Connection moved = std::move(here);
  CHECK((here.closed() && !here.readable() && !here.writable()));
  CHECK((!moved.closed() && moved.readable() && moved.writable()));
  moved.close();
  moved.close();
  CHECK(moved.closed());
  CHECK_THROWS_WITH(moved.send(1), contains("handle is closed"));
  CHECK_THROWS_WITH(moved.recv(), contains("handle is closed"));
  CHECK_THROWS_WITH(moved.poll(), contains("handle is closed"));
  CHECK_THROWS_WITH(moved.fileno(), contains("handle is closed"));
  CHECK_THROWS_AS(mp::Connection().recv_bytes(), mp::OSError);
  CHECK_THROWS_AS(mp::Connection(-1), mp::ValueError);
  CHECK_THROWS_AS(mp::Connection(0, false, false), mp::ValueError);
  CHECK_THROWS_AS(mp::Connection(1'000'000), mp::OSError);
}

TEST_CASE("Connection: poll waits, and a message stays one", "[connection]") {
  auto [here, there] = mp::Pipe();
  CHECK_FALSE(here.poll());
  const auto begin = std::chrono::steady_clock::now();
  CHECK_FALSE(here.poll(20ms));
  CHECK(std::chrono::steady_clock::now() - begin >= 20ms);
  CHECK_FALSE(here.poll(-1s));
  there.send_bytes("a");
  there.send_bytes("");
  CHECK(here.poll(std::nullopt));
  CHECK(here.recv_bytes().view() == "a");
  CHECK(here.poll());
  CHECK(here.recv_bytes().view().empty());
  CHECK_FALSE(here.poll());
}

TEST_CASE("Connection: a receive with a timeout ends when nothing comes, and when a message stops", "[connection]") {
  Bare bare;
  std::array<std::byte, 8> target{};
  CHECK_THROWS_AS(bare.connection.recv(5ms), mp::TimeoutError);
  CHECK_THROWS_AS(bare.connection.recv_bytes({}, false), mp::TimeoutError);

  // Piece by piece, by every kind of receive: none loses what came before.
  const std::string frame = header(8) + "abcdefgh";
  for (std::size_t at = 0; at + 1 < frame.size(); ++at) {
    bare.write(frame.substr(at, 1));
    if (at % 3 == 0) {
      CHECK_THROWS_WITH(bare.connection.recv<int>(1ms), contains("the rest of it did not come"));
    } else if (at % 3 == 1) {
      CHECK_THROWS_AS(bare.connection.recv_bytes({}, 1ms), mp::TimeoutError);
    } else {
      CHECK_THROWS_AS(bare.connection.recv_bytes_into(target, 0, 1ms), mp::TimeoutError);
    }
  }
  bare.write("h");
  CHECK(bare.connection.recv_bytes_into(target, 0, 1ms) == 8);
  CHECK(std::string_view(reinterpret_cast<const char*>(target.data()), 8) == "abcdefgh");
}

TEST_CASE("Connection: a pipe that is no socket does as well, also with timeouts", "[connection]") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  mp::Connection reader(ends[0], true, false), writer(ends[1], false, true);
  CHECK_THROWS_AS(reader.recv(1ms), mp::TimeoutError);
  const std::vector<int> numbers(100'000, 7);
  std::thread sender([&] { writer.send(numbers); });
  CHECK((reader.recv<std::vector<int>>(30s) == numbers));
  sender.join();
  CHECK_THROWS_WITH(writer.recv(), contains("connection is write-only"));
  CHECK_THROWS_WITH(reader.send(1), contains("connection is read-only"));
}

TEST_CASE("Connection: a descriptor that someone made non-blocking is waited for", "[connection]") {
  auto [here, there] = mp::Pipe();
  for (const int fd : {here.fileno(), there.fileno()}) REQUIRE(::fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
  const std::string large(10'000'000, 'x');
  std::thread sender([&sends = there, &large] { sends.send_bytes(large); });
  CHECK((here.recv_bytes().view() == large));
  sender.join();
}

TEST_CASE("Connection: frames of all sizes go both ways whole", "[connection]") {
  auto [here, there] = mp::Pipe();
  for (const std::size_t size :
       {0u, 1u, 511u, 512u, 513u, 16384u, 16385u, 65535u, 65537u, 1u << 20, (1u << 20) + 1, 64u << 20}) {
    CAPTURE(size);
    std::string content(size, '\0');
    std::iota(content.begin(), content.end(), '\1');
    std::thread echo([&end = there] { end.send_bytes(end.recv_bytes()); });
    here.send_bytes(content);
    const mp::bytes back = here.recv_bytes();
    echo.join();
    CHECK((back.view() == content));
  }
}

namespace {

std::atomic<int> signals_seen = 0;
extern "C" void count_signal(int) { ++signals_seen; }

}  // namespace

TEST_CASE("Connection: signals interrupt nothing", "[connection]") {
  struct sigaction counting {};
  counting.sa_handler = count_signal;  // without SA_RESTART
  struct sigaction before {};
  ::sigaction(SIGUSR1, &counting, &before);
  auto [here, there] = mp::Pipe();
  const std::string large(20'000'000, 'x');
  const pthread_t self = ::pthread_self();
  std::atomic<bool> over = false;
  signals_seen = 0;
  std::thread disturb([&] {
    while (!over) {
      ::pthread_kill(self, SIGUSR1);
      std::this_thread::yield();
    }
  });
  std::thread echo([&end = there, &large] {
    while (signals_seen < 100) std::this_thread::yield();  // the first receive waits for this long
    for (int i = 0; i < 5; ++i) {
      end.send_bytes(large);
      end.recv_bytes();
    }
  });
  bool equal = true;
  for (int i = 0; i < 5; ++i) {
    equal = equal && here.recv_bytes().view() == large;
    here.send_bytes(large);
  }
  const bool poll_ended_early = here.poll(50ms);
  over = true;
  echo.join();
  disturb.join();
  ::sigaction(SIGUSR1, &before, nullptr);
  CHECK(equal);
  CHECK_FALSE(poll_ended_early);
}

TEST_CASE("Connection: moved into a Process it is the child's, and the parent sees the child's end",
          "[connection][process]") {
  auto [here, there] = mp::Pipe();
  mp::Process child([](mp::Connection end, int add) { end.send(end.recv<int>() + add); }, std::move(there), 2);
  child.start();
  here.send(40);
  CHECK(here.recv<int>() == 42);
  CHECK_THROWS_AS(here.recv(), mp::EOFError);
  child.join();
  CHECK(child.exitcode() == 0);
}

TEST_CASE("Connection: a Process takes it by reference, by capture, or inherits it", "[connection][process]") {
  auto [here, there] = mp::Pipe();
  SECTION("the target asks for a reference") {
    mp::Process child([](mp::Connection& end) { end.send(1); }, std::move(there));
    child.start();
    CHECK(here.recv<int>() == 1);
    child.join();
  }
  SECTION("the target owns it") {
    mp::Process child([end = std::move(there)]() mutable { end.send(1); });
    child.start();
    CHECK(here.recv<int>() == 1);
    child.join();
  }
  SECTION("it stays the parent's, as in Python, who closes it") {
    mp::Process child([&end = there] { end.send(1); });
    child.start();
    there.close();
    CHECK(here.recv<int>() == 1);
    CHECK_THROWS_AS(here.recv(), mp::EOFError);
    child.join();
  }
}

TEST_CASE("Connection: what a killed process has sent is received, and then the end", "[connection][process]") {
  auto [here, there] = mp::Pipe();
  mp::Process child(
      [](mp::Connection end) {
        end.send(1);
        const std::string part = std::string(mp::detail::FrameHeader(100).view()) + "cut";
        if (::write(end.fileno(), part.data(), part.size()) < 0) ::_exit(1);
        ::raise(SIGKILL);
      },
      std::move(there));
  child.start();
  CHECK(here.recv<int>() == 1);
  CHECK_THROWS_WITH(here.recv<int>(), contains("got end of file during message"));
  child.join();
}

TEST_CASE("Connection: Connections are sent through it, alone and in other values", "[connection]") {
  auto [here, there] = mp::Pipe(GENERATE(true, false));
  auto [near, far] = mp::Pipe();
  auto [reader, writer] = mp::Pipe(false);

  there.send(std::pair<int, mp::Connection>(5, std::move(far)));
  std::vector<mp::Connection> both;
  both.push_back(std::move(reader));
  both.push_back(std::move(writer));
  there.send(both);
  both.clear();

  auto [number, received] = here.recv<std::pair<int, mp::Connection>>();
  CHECK(number == 5);
  received.send("through");
  CHECK(near.recv<std::string>() == "through");
  auto ends = here.recv<std::vector<mp::Connection>>();
  REQUIRE(ends.size() == 2);
  CHECK((ends[0].readable() && !ends[0].writable() && !ends[1].readable() && ends[1].writable()));
  ends[1].send(1);
  CHECK(ends[0].recv<int>() == 1);
  ends.erase(ends.begin() + 1);
  CHECK_THROWS_AS(ends[0].recv(), mp::EOFError);
}

TEST_CASE("Connection: descriptors that nobody asked for are closed", "[connection]") {
  auto [here, there] = mp::Pipe();
  std::vector<mp::Connection> many;
  for (int i = 0; i < 100; ++i) {
    auto [a, b] = mp::Pipe();
    many.push_back(std::move(a));
    many.push_back(std::move(b));
  }
  there.send(many);
  there.send(many);
  there.send(many);
  many.clear();
  CHECK_THROWS_AS(here.recv<int>(), mp::UnpicklingError);
  here.recv_bytes();
  CHECK(here.recv().is<mp::list>());
  CHECK_THROWS_AS(mp::pickle::dumps(here), mp::PicklingError);
}  // the main program looks whether any descriptor is left

TEST_CASE("Connection: a number of a descriptor that did not come is refused", "[connection]") {
  auto [here, there] = mp::Pipe();
  const auto named = [](const mp::object& where, const mp::object& number) {
    const mp::object fd = mp::instance::with_state(mp::global("multiprocessing.resource_sharer.DupFd"),
                                                   mp::dict{{"_id", mp::tuple{where, number}}});
    return mp::instance(mp::global("multiprocessing.connection.rebuild_connection"), mp::tuple{fd, true, true});
  };
  for (const mp::object& number : {mp::object(0), mp::object(253), mp::object(-1), mp::object(1L << 62)}) {
    there.send(named(mp::None, number));
    CHECK_THROWS_WITH(here.recv<mp::Connection>(), contains("did not come with the message"));
  }
  there.send(named(mp::None, mp::object(std::size_t{1} << 63)));
  CHECK_THROWS_AS(here.recv<mp::Connection>(), mp::UnpicklingError);
  there.send(named(mp::None, "0"));
  CHECK_THROWS_AS(here.recv<mp::Connection>(), mp::UnpicklingError);
  // Who names another host or a number as an address is not connected to.
  there.send(named(mp::tuple{"localhost", 1}, 0));
  CHECK_THROWS_AS(here.recv<mp::Connection>(), mp::UnpicklingError);
  there.send(named(5, 0));
  CHECK_THROWS_AS(here.recv<mp::Connection>(), mp::UnpicklingError);
  there.send(named("/nobody/here", 0));
  CHECK_THROWS_AS(here.recv<mp::Connection>(), mp::OSError);
  there.send(named("", 0));
  CHECK_THROWS_AS(here.recv<mp::Connection>(), mp::OSError);
  there.send(mp::instance(mp::global("multiprocessing.connection.rebuild_connection"), mp::tuple{1, true}));
  CHECK_THROWS_AS(here.recv<mp::Connection>(), mp::UnpicklingError);
}

TEST_CASE("Connection: a receive with a timeout also ends when a descriptor's sharer says nothing", "[connection]") {
  auto [here, there] = mp::Pipe();
  mp::Listener silent;
  const mp::object fd = mp::instance::with_state(mp::global("multiprocessing.resource_sharer.DupFd"),
                                                 mp::dict{{"_id", mp::tuple{silent.address().path(), 1}}});
  there.send(mp::instance(mp::global("multiprocessing.connection.rebuild_connection"), mp::tuple{fd, true, true}));
  CHECK_THROWS_AS(here.recv<mp::Connection>(10ms), mp::TimeoutError);
}
