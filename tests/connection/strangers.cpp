// SPDX-License-Identifier: BSL-1.0
// Hostile peers of a Listener: none is let in, none holds up an honest one, and nothing is left of them.
#include <multiprocessing/connection.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

/// A bare socket that is connected to the address.
mp::detail::Fd bare(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  mp::detail::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  while (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EAGAIN) throw std::system_error(errno, std::generic_category(), "connect");
    std::this_thread::yield();  // the backlog is full: the listener is about to empty it
  }
  return fd;
}

void send(int fd, std::string_view bytes) {
  static_cast<void>(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

/// A child that is as hostile as `body` until its parent lets go of it.
class Attack {
 public:
  template <class Body>
  explicit Attack(Body body) {
    auto [here, there] = mp::Pipe();
    pid_ = start_child(
        [body, &end = there, &other = here] {
          other.close();
          rlimit files{4096, 4096};
          ::setrlimit(RLIMIT_NOFILE, &files);
          body(end);
        },
        100s);
    control_ = std::move(here);
  }
  Attack(const Attack&) = delete;
  ~Attack() { end(); }

  /// Waits until it has begun.
  void wait() { control_.recv<int>(); }
  int end() {
    control_.close();
    return pid_ == 0 ? 0 : exit_status(std::exchange(pid_, 0));
  }

 private:
  pid_t pid_ = 0;
  mp::Connection control_;
};

/// A thread that accepts until it is told to stop.
class Server {
 public:
  explicit Server(mp::ListenerOptions options = {.authkey = "key"})
      : listener_(options), path_(listener_.address().path()) {
    thread_ = std::thread([this] { serve(); });
  }
  Server(const Server&) = delete;
  ~Server() { stop(); }

  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  const std::string& path() const { return path_; }
  int let_in() const { return let_in_; }
  int refused() const { return refused_; }

 private:
  void serve() {
    while (!stop_) {
      try {
        mp::Connection peer = listener_.accept(20ms);
        ++let_in_;
        peer.send(1);
      } catch (const mp::TimeoutError&) {
      } catch (const mp::AuthenticationError&) {
        ++refused_;
      }
    }
  }

  mp::Listener listener_;
  std::string path_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> let_in_ = 0, refused_ = 0;
  std::thread thread_;
};

/// How long each of some honest clients takes from its connect to its first message: the median.
Clock::duration honest_service(const std::string& path, int clients = 15) {
  std::vector<Clock::duration> times;
  for (int i = 0; i < clients; ++i) {
    const auto begin = Clock::now();
    mp::Client client(path, {.timeout = 30s, .authkey = "key"});
    CHECK(client.recv<int>(30s) == 1);
    times.push_back(Clock::now() - begin);
  }
  std::nth_element(times.begin(), times.begin() + clients / 2, times.end());
  return times[static_cast<std::size_t>(clients / 2)];
}

}  // namespace

TEST_CASE("Listener: a thousand silent strangers hold up nobody", "[connection][hostile]") {
  Server server;
  Attack attack([path = server.path()](mp::Connection& control) {
    std::vector<mp::detail::Fd> strangers;
    for (int i = 0; i < 1000; ++i) strangers.push_back(bare(path));
    control.send(1);
    control.poll(std::nullopt);
  });
  attack.wait();
  CHECK(honest_service(server.path()) < 100ms);
  CHECK(attack.end() == 0);
  server.stop();
  CHECK(server.let_in() == 15);
}

TEST_CASE("Listener: a thousand slow strangers, and new ones all the time, hold up nobody", "[connection][hostile]") {
  Server server;
  Attack attack([path = server.path()](mp::Connection& control) {
    // Each says the beginning of a message that may be one, a byte at a time, and begins anew when it was dropped.
    const std::string says = mp::detail::framed(std::string(200, '#'));
    std::vector<mp::detail::Fd> strangers;
    for (int i = 0; i < 1000; ++i) strangers.push_back(bare(path));
    for (std::size_t round = 0; !control.poll(1ms); ++round) {
      if (round == 1) control.send(1);
      for (auto& stranger : strangers) send(stranger.get(), says.substr(round % says.size(), 1));
      for (std::size_t i = 0; i < 20; ++i) strangers[(round * 20 + i) % strangers.size()] = bare(path);
    }
  });
  attack.wait();
  CHECK(honest_service(server.path()) < 100ms);
  CHECK(attack.end() == 0);
  server.stop();
  CHECK(server.let_in() == 15);
}

TEST_CASE("Listener: no more strangers than allowed are kept, nor for longer than allowed", "[connection][hostile]") {
  const auto closed = [](const mp::detail::Fd& fd) {
    char bytes[512];
    ssize_t got;
    while ((got = ::recv(fd.get(), bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
    }
    return got == 0 || errno == ECONNRESET;
  };
  mp::Listener listener({.authkey = "key", .most_strangers = 3, .timeout = 100ms});
  const std::string path = listener.address().path();
  std::vector<mp::detail::Fd> strangers;
  for (int i = 0; i < 5; ++i) strangers.push_back(bare(path));
  CHECK_THROWS_AS(listener.accept(1ms), mp::TimeoutError);
  CHECK((closed(strangers[0]) && closed(strangers[1])));
  CHECK((!closed(strangers[2]) && !closed(strangers[3]) && !closed(strangers[4])));
  // What one says makes its time no longer.
  const auto end = Clock::now() + 20s;
  const std::string says = mp::detail::framed(std::string(250, '#'));
  for (std::size_t at = 0; at < says.size() - 1 && !closed(strangers[4]) && Clock::now() < end; ++at) {
    send(strangers[4].get(), says.substr(at, 1));
    CHECK_THROWS_AS(listener.accept(2ms), mp::TimeoutError);
  }
  CHECK(closed(strangers[4]));
}

TEST_CASE("Listener: rubbish, giant lengths and cut frames are dropped without a word", "[connection][hostile]") {
  const std::string says =
      GENERATE(std::string("GET / HTTP/1.1\r\n\r\n"), std::string("\x7f\xff\xff\xff", 4), std::string("\0\0\1\1", 4),
               std::string("\xff\xff\xff\xff\0\0\1\0\0\0\0\0", 12), std::string("\x80\0\0\0", 4),
               std::string(12, '\xff'), std::string("\0\0\0", 3), std::string("\0\0\0\5abc", 7));
  Server server;
  {
    std::vector<mp::detail::Fd> strangers;
    for (int i = 0; i < 20; ++i) {
      strangers.push_back(bare(server.path()));
      send(strangers.back().get(), says);
    }
    strangers.resize(10);  // some close at once, and some stay
    CHECK(honest_service(server.path(), 3) < 100ms);
  }
  server.stop();
  CHECK(server.let_in() == 3);
  CHECK(server.refused() == 0);
}

TEST_CASE("Listener: a flood of data and descriptors before the handshake is neither read nor kept",
          "[connection][hostile]") {
  Server server;
  Attack attack([path = server.path()](mp::Connection& control) {
    std::vector<int> descriptors(mp::detail::most_descriptors, 0);
    const std::string much(100'000, '\0');
    bool told = false;
    while (!control.poll()) {
      const mp::detail::Fd stranger = bare(path);
      mp::detail::write_with_descriptors(stranger.get(), std::string_view("\0\0\1", 3), {}, descriptors);
      send(stranger.get(), much);
      if (!std::exchange(told, true)) control.send(1);
    }
  });
  attack.wait();
  CHECK(honest_service(server.path()) < 100ms);
  CHECK(attack.end() == 0);
  server.stop();
  CHECK(server.let_in() == 15);
}

TEST_CASE("Listener: an honest handshake cannot be replayed", "[connection][hostile]") {
  std::vector<std::string> said;
  {
    mp::Listener listener({.authkey = "key"});
    const std::string path = listener.address().path();
    std::thread accepts([&] { listener.accept(); });
    mp::Client tapped(path);
    mp::detail::Handshake honest(mp::detail::Handshake::Role::client, "key", false);
    while (!honest.done()) {
      honest.receive(tapped.recv_bytes().view());
      if (const std::string message = honest.outgoing(); !message.empty()) {
        said.push_back(message);
        tapped.send_bytes(message);
      }
    }
    accepts.join();
  }
  REQUIRE(said.size() == 3);

  mp::Listener listener({.authkey = "key"});
  mp::Client replay(listener.address());
  for (const std::string& message : said) replay.send_bytes(message);
  CHECK_THROWS_AS(listener.accept(), mp::AuthenticationError);
  CHECK_THROWS_AS(listener.accept(5ms), mp::TimeoutError);
}

TEST_CASE("Listener: its own words, sent back to it or to its other side, let nobody in", "[connection][hostile]") {
  mp::Listener listener({.authkey = "key"});
  mp::Client first(listener.address()), second(listener.address());
  CHECK_THROWS_AS(listener.accept(5ms), mp::TimeoutError);
  const mp::bytes to_first = first.recv_bytes(), to_second = second.recv_bytes();
  SECTION("each challenge as the answer to itself") {
    first.send_bytes(to_first);
    second.send_bytes(to_second.view().substr(11));
  }
  SECTION("each challenge to the other, for it to answer") {
    first.send_bytes(to_second);
    second.send_bytes(to_first);
  }
  SECTION("a challenge of 20 bytes, which old Pythons answer by MD5") {
    first.send_bytes("#CHALLENGE#" + std::string(20, 'c'));
    second.send_bytes(std::string(20, 'c'));
  }
  CHECK_THROWS_AS(listener.accept(), mp::AuthenticationError);
  CHECK_THROWS_AS(listener.accept(), mp::AuthenticationError);
  CHECK(first.recv_bytes().view() == "#FAILURE#");
  CHECK(second.recv_bytes().view() == "#FAILURE#");
  CHECK_THROWS_AS(first.recv_bytes(), mp::EOFError);
}

TEST_CASE("Listener: where descriptors are short, strangers are the first to go", "[connection][hostile]") {
  const int status = in_child([] {
    mp::Listener listener({.authkey = "key"});
    const std::string path = listener.address().path();
    std::vector<mp::detail::Fd> strangers;
    for (int i = 0; i < 30; ++i) strangers.push_back(bare(path));
    mp::Client honest(path);
    rlimit files{60, 60};
    ::setrlimit(RLIMIT_NOFILE, &files);
    mp::detail::Handshake handshake(mp::detail::Handshake::Role::client, "key", false);
    for (int turn = 0; turn < 1000; ++turn) {
      try {
        mp::Connection peer = listener.accept(1ms);
        return 0;
      } catch (const mp::TimeoutError&) {
      }
      if (!honest.poll()) continue;
      handshake.receive(honest.recv_bytes().view());
      if (const std::string message = handshake.outgoing(); !message.empty()) honest.send_bytes(message);
    }
    return 1;
  });
  CHECK(status == 0);
}
