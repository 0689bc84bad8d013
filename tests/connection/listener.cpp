// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/connection/listener.hpp>

#include <multiprocessing/connection/client.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

/// Connects in a thread, and then does `talk` with it.
template <class Talk>
std::future<void> connect(mp::Address address, mp::ClientOptions options, Talk talk) {
  return std::async(std::launch::async, [address = std::move(address), options = std::move(options), talk] {
    mp::Client client(address, options);
    talk(client);
  });
}
std::future<void> connect(mp::Address address, mp::ClientOptions options) {
  return connect(std::move(address), std::move(options), [](mp::Client&) {});
}

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

std::string abstract_name() { return std::string(1, '\0') + "multiprocessing-test-" + std::to_string(::getpid()); }

}  // namespace

TEST_CASE("Listener: without an address it is a socket that only this user can reach, and is deleted",
          "[connection][listener]") {
  std::filesystem::path path;
  {
    mp::Listener listener;
    path = listener.address().path();
    CHECK(mode_of(path) == 0600);
    CHECK(mode_of(path.parent_path()) == 0700);
    CHECK(path.parent_path().filename().string().starts_with("pymp-"));

    mp::Listener moved = std::move(listener);
    CHECK(std::filesystem::exists(path));
    CHECK_THROWS_AS(listener.accept(), mp::OSError);
    auto client = connect(moved.address(), {}, [](mp::Client& end) { end.send(1); });
    CHECK(moved.accept().recv<int>() == 1);
    CHECK_FALSE(moved.last_accepted());
    client.get();
  }
  CHECK_FALSE(std::filesystem::exists(path.parent_path()));
}

TEST_CASE("Listener: the folder is where TMPDIR says, unless the path would be too long", "[connection][listener]") {
  const char* const before = std::getenv("TMPDIR");
  const std::string saved = before == nullptr ? "" : before;
  ::setenv("TMPDIR", ("/tmp/" + std::string(100, 'x')).c_str(), 1);
  CHECK(mp::Listener().address().path().starts_with("/tmp/pymp-"));
  before == nullptr ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", saved.c_str(), 1);
}

TEST_CASE("Listener: every kind of address, with and without a key", "[connection][listener]") {
  const std::string folder = mp::detail::make_socket_folder(10);
  const mp::Address addresses[] = {{}, folder + "/socket", abstract_name(), {"localhost", 0}, {"127.0.0.1", 0}};
  const mp::Address& address = addresses[GENERATE(0, 1, 2, 3, 4)];
  const bool with_key = GENERATE(true, false);
  CAPTURE(address.text(), with_key);
  const std::optional<std::string> key = with_key ? std::optional<std::string>("secret") : std::nullopt;
  {
    mp::Listener listener(address, {.authkey = key, .any_user = !with_key && !address.is_unix() && !address.empty()});
    const bool tcp = !listener.address().is_unix();
    if (tcp) CHECK(listener.address().port() != 0);
    for (int i = 0; i < 3; ++i) {
      auto client = connect(listener.address(), {.authkey = key}, [i](mp::Client& end) {
        end.send(i);
        CHECK(end.recv<std::string>() == "welcome");
      });
      mp::Connection peer = listener.accept(20s);
      CHECK(peer.recv<int>() == i);
      peer.send("welcome");
      client.get();
      CHECK(listener.last_accepted().has_value() == tcp);
      if (tcp) CHECK(listener.last_accepted()->host() == "127.0.0.1");
    }
    listener.close();
    CHECK_THROWS_WITH(listener.accept(), contains("listener is closed"));
    CHECK_THROWS_AS(listener.address(), mp::OSError);
    listener.close();
  }
  CHECK(std::filesystem::is_empty(folder));
  std::filesystem::remove(folder);
}

TEST_CASE("Listener: a family chooses an address, and must be that of one that is given", "[connection][listener]") {
  CHECK(mp::Listener({.family = "AF_INET", .authkey = "k"}).address().host() == "127.0.0.1");
  CHECK(mp::Listener({.family = "AF_UNIX"}).address().is_unix());
  CHECK_THROWS_WITH(mp::Listener({.family = "AF_PIPE"}), contains("Family AF_PIPE is not recognized."));
  CHECK_THROWS_AS(mp::Listener("/tmp/x", {.family = "AF_INET", .authkey = "k"}), mp::ValueError);
  CHECK_THROWS_AS(mp::Client(mp::Address("localhost", 1), {.family = "AF_UNIX"}), mp::ValueError);
}

TEST_CASE("Listener: on TCP somebody has to say who may come", "[connection][listener]") {
  CHECK_THROWS_WITH(mp::Listener({"localhost", 0}), contains("give an authkey"));
  CHECK_NOTHROW(mp::Listener({"localhost", 0}, {.any_user = true}));
}

TEST_CASE("Listener: an empty key is none, and is refused at both ends", "[connection][listener]") {
  CHECK_THROWS_WITH(mp::Listener({.authkey = ""}), contains("authkey is empty"));
  mp::Listener listener;
  CHECK_THROWS_WITH(mp::Client(listener.address(), {.authkey = ""}), contains("authkey is empty"));
}

TEST_CASE("Listener: an address that is taken is an error, and stays its owner's", "[connection][listener]") {
  mp::Listener first;
  CHECK_THROWS_AS(mp::Listener(first.address()), mp::OSError);
  CHECK(std::filesystem::exists(first.address().path()));
  mp::Listener tcp({"127.0.0.1", 0}, {.authkey = "k"});
  CHECK_THROWS_AS(mp::Listener(tcp.address(), {.authkey = "k"}), mp::OSError);
  CHECK_THROWS_AS(mp::Listener(std::string(200, 'x')), mp::OSError);
}

TEST_CASE("Listener: accept gives up in time", "[connection][listener]") {
  mp::Listener listener({.authkey = "k"});
  const auto begin = std::chrono::steady_clock::now();
  CHECK_THROWS_AS(listener.accept(20ms), mp::TimeoutError);
  CHECK(std::chrono::steady_clock::now() - begin >= 20ms);
  CHECK_THROWS_AS(listener.accept(false), mp::TimeoutError);
}

TEST_CASE("Client: nobody there is an error at once", "[connection][client]") {
  std::optional<mp::Address> unix_address, tcp_address;
  {
    mp::Listener one, two({"localhost", 0}, {.authkey = "k"});
    unix_address = one.address();
    tcp_address = two.address();
  }
  CHECK_THROWS_AS(mp::Client(*unix_address), mp::FileNotFoundError);
  CHECK_THROWS_AS(mp::Client(*tcp_address), mp::ConnectionRefusedError);
  CHECK_THROWS_AS(mp::Client(mp::Address(abstract_name() + "nobody")), mp::ConnectionRefusedError);
  CHECK_THROWS_AS(mp::Client(mp::Address("no.such.host.invalid", 1)), mp::OSError);
}

TEST_CASE("Client: a listener that does not accept is waited for as long as asked", "[connection][client]") {
  mp::Listener listener({.backlog = 1, .authkey = "k"});
  const auto begin = std::chrono::steady_clock::now();
  CHECK_THROWS_AS(mp::Client(listener.address(), {.timeout = 30ms, .authkey = "k"}), mp::TimeoutError);
  CHECK(std::chrono::steady_clock::now() - begin >= 30ms);

  // Also where the kernel has no more room for those who wait.
  std::vector<mp::Client> waiting;
  CHECK_THROWS_AS(
      [&] {
        for (int i = 0; i < 10; ++i) waiting.emplace_back(listener.address(), mp::ClientOptions{.timeout = 10ms});
      }(),
      mp::TimeoutError);
}

TEST_CASE("Client: what was sent before accept arrives after it", "[connection][client]") {
  mp::Listener listener;
  mp::Client client(listener.address());
  client.send("early");
  client.close();
  mp::Connection peer = listener.accept();
  CHECK(peer.recv<std::string>() == "early");
  CHECK_THROWS_AS(peer.recv(), mp::EOFError);
}

TEST_CASE("Listener: a wrong key is an AuthenticationError at both ends, and the next is let in",
          "[connection][listener]") {
  const bool tcp = GENERATE(true, false);
  mp::Listener listener(tcp ? mp::Address("localhost", 0) : mp::Address(), {.authkey = "right"});
  auto wrong = connect(listener.address(), {.authkey = "wrong"});
  CHECK_THROWS_WITH(listener.accept(), contains("digest received was wrong"));
  CHECK_THROWS_AS(wrong.get(), mp::AuthenticationError);
  auto right = connect(listener.address(), {.authkey = "right"}, [](mp::Client& end) { end.send(1); });
  CHECK(listener.accept().recv<int>() == 1);
  right.get();
}

TEST_CASE("Listener: a client that wants no key is not let in", "[connection][listener]") {
  mp::Listener listener({.authkey = "right"});
  auto client = connect(listener.address(), {}, [](mp::Client& end) {
    end.send("let me in");
    end.recv_bytes();
    CHECK(end.recv_bytes().view() == "#FAILURE#");
    CHECK_THROWS_AS(end.recv_bytes(), mp::EOFError);
  });
  CHECK_THROWS_AS(listener.accept(), mp::AuthenticationError);
  client.get();
}

TEST_CASE("Client: a listener that wants no key, or sends rubbish, is not talked to", "[connection][client]") {
  mp::Listener listener;
  auto client = connect(listener.address(), {.authkey = "key"});
  mp::Connection peer = listener.accept();
  SECTION("rubbish") {
    peer.send("rubbish");
    CHECK_THROWS_AS(client.get(), mp::AuthenticationError);
  }
  SECTION("far too much") {
    peer.send_bytes(std::string(257, '#'));
    CHECK_THROWS_WITH(client.get(), contains("bad message length"));
  }
  SECTION("the end") {
    peer.close();
    CHECK_THROWS_AS(client.get(), mp::EOFError);
  }
  SECTION("a challenge, and a wrong answer to its own") {
    peer.send_bytes("#CHALLENGE#" + mp::detail::make_challenge());
    peer.recv_bytes();
    peer.send_bytes("#WELCOME#");
    const mp::bytes challenge = peer.recv_bytes();
    peer.send_bytes(challenge.view());
    CHECK_THROWS_AS(client.get(), mp::AuthenticationError);
    CHECK(peer.recv_bytes().view() == "#FAILURE#");
  }
}

TEST_CASE("Listener: MD5 can be refused", "[connection][listener]") {
  mp::Listener listener({.authkey = "key", .refuse_md5 = true});
  const auto answer_by_md5 = [](mp::Client& end) {
    const mp::bytes challenge = end.recv_bytes();
    end.send_bytes(*mp::detail::hmac(*mp::detail::find_digest("md5"), "key", challenge.view().substr(11)));
    CHECK(end.recv_bytes().view() == "#FAILURE#");
  };
  auto client = connect(listener.address(), {}, answer_by_md5);
  CHECK_THROWS_WITH(listener.accept(), contains("refuse_md5"));
  client.get();
}

TEST_CASE("Listener: a child may accept, and leaves the file to its maker", "[connection][listener]") {
  mp::Listener listener({.authkey = "key"});
  // A stranger that the parent serves already, and the child must not.
  mp::Client silent(listener.address());
  CHECK_THROWS_AS(listener.accept(1ms), mp::TimeoutError);
  auto client = connect(listener.address(), {.authkey = "key"}, [](mp::Client& end) { CHECK(end.recv<int>() == 5); });
  const int status = in_child([&] {
    listener.accept(20s).send(5);
    listener.close();
  });
  CHECK(status == 0);
  client.get();
  CHECK(std::filesystem::exists(listener.address().path()));
  CHECK(silent.recv_bytes().view().starts_with("#CHALLENGE#"));
  CHECK_FALSE(silent.poll(1ms));
}

TEST_CASE("Listener: the time that the program spends elsewhere is not its clients' fault", "[connection][listener]") {
  mp::Listener listener({.authkey = "key", .timeout = 50ms});
  auto slow = connect(listener.address(), {.authkey = "key"}, [](mp::Client& end) { CHECK(end.recv<int>() == 1); });
  // Begins the handshake and goes away, for longer than it may last.
  while (true) {
    try {
      listener.accept(false).send(1);
      break;
    } catch (const mp::TimeoutError&) {
      std::this_thread::sleep_for(70ms);
    }
  }
  slow.get();
}

TEST_CASE("Listener: processes of other users are turned away", "[connection][listener]") {
  if (::geteuid() != 0) return;  // only root can become another user
  const std::string folder = mp::detail::make_socket_folder(10);
  ::chmod(folder.c_str(), 0755);
  const auto as_nobody = [](const mp::Address& address) {
    return start_child([address] {
      if (::setgid(65534) != 0 || ::setuid(65534) != 0) return 1;
      mp::Client client(address, {.any_user = true});
      return client.recv<int>();
    });
  };
  {
    mp::Listener listener(folder + "/socket", {.any_user = true});
    ::chmod(listener.address().path().c_str(), 0777);
    const pid_t child = as_nobody(listener.address());
    listener.accept().send(7);
    CHECK(exit_status(child) == 7);
  }
  {
    mp::Listener listener(folder + "/socket");
    CHECK(mode_of(listener.address().path()) == 0600);
    ::chmod(listener.address().path().c_str(), 0777);
    const pid_t child = as_nobody(listener.address());
    CHECK_THROWS_AS(listener.accept(300ms), mp::TimeoutError);
    CHECK(exit_status(child) == threw);
  }
  std::filesystem::remove(folder);
}
