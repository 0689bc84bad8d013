// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/connection.hpp>
#include <multiprocessing/reduction.hpp>

#include <multiprocessing/text.hpp>

#include "interop/python.hpp"

#include <boost/describe/class.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

const std::string script = beside(__FILE__, "connection_peer.py");

/// A new folder for sockets; its name serves as an abstract name, too.
class Folder {
 public:
  Folder() : path_(mp::detail::make_socket_folder(10)) {}
  Folder(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

mp::Address address_from(const std::string& told) {
  const std::size_t line = told.find('\n');
  return line == told.npos ? mp::Address(told) : mp::Address(told.substr(0, line), std::stoi(told.substr(line + 1)));
}

std::string content_of(std::size_t size) {
  std::string content(size, '\0');
  for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 31 + (i >> 8));
  return content;
}

/// Whether messages of all sizes come back from the other end as they were.
void check_echo(mp::Connection& connection, std::size_t largest = 65537) {
  for (const std::size_t size : {0u, 1u, 16384u, 16385u, 65535u, 65537u, 64u << 20}) {
    if (size > largest) break;
    CAPTURE(size);
    const std::string content = content_of(size);
    // While one end sends, the other has to receive.
    std::thread sender([&] { connection.send_bytes(content); });
    const mp::bytes back = connection.recv_bytes(std::nullopt, 60s);
    sender.join();
    CHECK((back.view() == content));
  }
}

/// A Python that inherits the other end of a Connection.
struct Heir {
  Heir(const std::string& interpreter, std::vector<std::string> arguments) {
    auto [ours, its] = mp::Pipe();
    REQUIRE(::fcntl(its.fileno(), F_SETFD, 0) == 0);
    arguments.insert(arguments.begin() + 1, std::to_string(its.fileno()));
    arguments.insert(arguments.begin(), script);
    python.emplace(interpreter, arguments);
    connection = std::move(ours);
  }

  std::optional<Python> python;
  mp::Connection connection;
};

/// As Python writes it.
std::string literal(const std::string& bytes) { return mp::repr(mp::bytes(bytes)); }

/// What holds Connections.
struct Several {
  std::string name;
  std::vector<mp::Connection> connections;
};
BOOST_DESCRIBE_STRUCT(Several, (), (name, connections))

struct One {
  mp::Connection mine;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(One, (), (mine, name))

/// Whether the interpreter answers a challenge by SHA-256; those before 3.12 know only MD5.
bool knows_sha256(const std::string& interpreter) {
  const int status = in_child([&] {
    ::execlp(interpreter.c_str(), interpreter.c_str(), "-c", "import sys; sys.exit(sys.version_info < (3, 12))",
             nullptr);
    return 2;
  });
  REQUIRE(status < 2);
  return status == 0;
}

}  // namespace

TEST_CASE("Client: Python listens", "[interop][connection]") {
  for (const std::string& interpreter : pythons()) {
    for (const char* const kind : {"AF_UNIX", "abstract", "AF_INET", "own"}) {
      for (const bool with_key : {false, true}) {
        if (!with_key && kind == std::string("AF_UNIX")) continue;  // as "own"
        CAPTURE(interpreter, kind, with_key);
        const Folder folder;
        Python python(interpreter, {script, "listen", kind, with_key ? "b'the key'" : "None", folder.path()});
        mp::ClientOptions options{.timeout = 30s};
        if (with_key) options.authkey = "the key";
        mp::Client client(address_from(python.read_frame()), options);
        check_echo(client);
        client.close();
        CHECK(python.read_frame() == "ok");
        CHECK(python.end() == 0);
      }
    }
  }
}

TEST_CASE("Listener: Python connects", "[interop][connection]") {
  for (const std::string& interpreter : pythons()) {
    for (const std::string kind : {"own", "AF_UNIX", "abstract", "AF_INET"}) {
      for (const bool with_key : {false, true}) {
        CAPTURE(interpreter, kind, with_key);
        const Folder folder;
        const std::map<std::string, mp::Address> addresses{{"own", {}},
                                                           {"AF_UNIX", folder.path() + "/socket"},
                                                           {"abstract", std::string(1, '\0') + folder.path()},
                                                           {"AF_INET", {"localhost", 0}}};
        mp::ListenerOptions options{.any_user = kind == "AF_INET"};
        if (with_key) options.authkey = "the key";
        mp::Listener listener(addresses.at(kind), options);
        Python python(interpreter, {script, "connect", listener.address().text(), with_key ? "b'the key'" : "None"});
        mp::Connection peer = listener.accept(30s);
        check_echo(peer);
        peer.close();
        CHECK(python.read_frame() == "ok");
        CHECK(python.end() == 0);
      }
    }
  }
}

TEST_CASE("Client: the key has to be that of a Python that listens", "[interop][connection]") {
  for (const std::string& interpreter : pythons()) {
    CAPTURE(interpreter);
    const Folder folder;
    Python python(interpreter, {script, "listen", "AF_UNIX", "b'the key'", folder.path()});
    const mp::Address address = address_from(python.read_frame());
    CHECK_THROWS_AS(mp::Client(address, {.timeout = 30s, .authkey = "another key"}), mp::AuthenticationError);
    CHECK(python.read_frame() == "AuthenticationError");
    CHECK(python.end() == 0);
  }
}

TEST_CASE("Listener: the key has to be that of a Python that connects", "[interop][connection]") {
  for (const std::string& interpreter : pythons()) {
    for (const char* const key : {"b'another key'", "b''"}) {
      CAPTURE(interpreter, key);
      mp::Listener listener({.authkey = "the key"});
      Python python(interpreter, {script, "connect", listener.address().text(), key});
      CHECK_THROWS_AS(listener.accept(30s), mp::AuthenticationError);
      CHECK(python.read_frame() == "AuthenticationError");
      CHECK(python.end() == 0);
    }
  }
}

TEST_CASE("Listener and Client: with refuse_md5 the Pythons since 3.12 come in, and older ones do not",
          "[interop][connection]") {
  for (const std::string& interpreter : pythons()) {
    CAPTURE(interpreter);
    const bool modern = knows_sha256(interpreter);
    {
      mp::Listener listener({.authkey = "the key", .refuse_md5 = true});
      Python python(interpreter, {script, "connect", listener.address().text(), "b'the key'"});
      if (modern) {
        listener.accept(30s);
      } else {
        CHECK_THROWS_WITH(listener.accept(30s), contains("refuse_md5"));
      }
      CHECK(python.read_frame() == (modern ? "ok" : "AuthenticationError"));
      CHECK(python.end() == 0);
    }
    const Folder folder;
    Python python(interpreter, {script, "listen", "AF_UNIX", "b'the key'", folder.path()});
    const mp::Address address = address_from(python.read_frame());
    const mp::ClientOptions options{.timeout = 30s, .authkey = "the key", .refuse_md5 = true};
    if (modern) {
      mp::Client(address, options).close();
    } else {
      CHECK_THROWS_WITH(mp::Client(address, options), contains("refuse_md5"));
    }
    CHECK(python.read_frame() == (modern ? "ok" : "EOFError"));
    CHECK(python.end() == 0);
  }
}

TEST_CASE("Connection: a Python child inherits it", "[interop][connection]") {
  for (const std::string& interpreter : pythons()) {
    CAPTURE(interpreter);
    Heir heir(interpreter, {"inherit"});
    check_echo(heir.connection, 64u << 20);
    // The escape for what is longer than 2 GiB, around what is not.
    const std::string frame = std::string("\xff\xff\xff\xff\0\0\0\0\0\0\0\3", 12) + "abc";
    REQUIRE(::write(heir.connection.fileno(), frame.data(), frame.size()) == static_cast<ssize_t>(frame.size()));
    CHECK(heir.connection.recv_bytes(std::nullopt, 30s).view() == "abc");
    heir.connection.close();
    CHECK(heir.python->read_frame() == "ok");
    CHECK(heir.python->end() == 0);
  }
}

TEST_CASE("Connection: objects mean the same in Python", "[interop][connection]") {
  struct Answer {
    std::string text;
    mp::object value;
  };
  for (const std::string& interpreter : pythons()) {
    CAPTURE(interpreter);
    Heir heir(interpreter, {"objects"});
    const auto text_of = [&](const auto& value) {
      heir.connection.send(value);
      const mp::object answer = heir.connection.recv(30s);
      return answer["text"].to<std::string>();
    };
    CHECK(text_of(std::map<std::string, std::vector<double>>{{"a", {1, 2.5}}}) == "{'a': array('d', [1.0, 2.5])}");
    CHECK(text_of(std::tuple(1, "two", nullptr, true)) == "(1, 'two', None, True)");
    heir.connection.send(std::vector<int>{1, 2});
    CHECK(heir.connection.recv<std::map<std::string, mp::object>>().at("value").to<std::vector<int>>() ==
          std::vector<int>{1, 2});
    heir.connection.close();
    CHECK(heir.python->read_frame() == "ok");
    CHECK(heir.python->end() == 0);
  }
}

TEST_CASE("wait: Python and we wait for each other", "[interop][connection]") {
  for (const std::string& interpreter : pythons()) {
    CAPTURE(interpreter);
    Heir heir(interpreter, {"waiting"});
    REQUIRE(mp::connection::wait({heir.connection}, 30s).size() == 1);
    CHECK(heir.connection.recv<std::string>() == "poll me");
    heir.connection.send("polled");
    CHECK(heir.python->read_frame() == "ok");
    CHECK(mp::connection::wait({heir.connection}, 30s).size() == 1);
    CHECK_THROWS_AS(heir.connection.recv(), mp::EOFError);
    CHECK(heir.python->end() == 0);
  }
}

TEST_CASE("send_handle and recv_handle: Python's and ours", "[interop][connection]") {
  const auto read_all = [](int fd) {
    std::string text(100, '\0');
    const ssize_t got = ::read(fd, text.data(), text.size());
    ::close(fd);
    return text.substr(0, got < 0 ? 0 : static_cast<std::size_t>(got));
  };
  for (const std::string& interpreter : pythons()) {
    CAPTURE(interpreter);
    Heir heir(interpreter, {"handles"});
    int pipe[2];
    REQUIRE(::pipe2(pipe, O_CLOEXEC) == 0);
    mp::reduction::send_handle(heir.connection, pipe[1]);
    ::close(pipe[1]);
    CHECK(read_all(pipe[0]) == "from python");

    heir.connection.send(static_cast<long>(::getpid()));
    CHECK(read_all(mp::reduction::recv_handle(heir.connection, 30s)) == "in the pipe");

    auto [a, b] = mp::Pipe(false);
    const int both[] = {a.fileno(), b.fileno()};
    mp::reduction::sendfds(heir.connection.fileno(), both);
    a.close();
    b.close();
    const auto swapped = mp::reduction::recvfds(heir.connection.fileno(), 2, 30s);
    mp::Connection writer(swapped[0], false, true), reader(swapped[1], true, false);
    writer.send(1);
    CHECK(reader.recv<int>() == 1);
    CHECK(heir.python->read_frame() == "ok");
    CHECK(heir.python->end() == 0);
  }
}

TEST_CASE("rebuild_connection: what Python has pickled is fetched from it", "[interop][connection]") {
  for (const std::string& interpreter : pythons()) {
    CAPTURE(interpreter);
    Heir heir(interpreter, {"pickled", "b'the key'"});
    const mp::object sent = heir.connection.recv(30s);
    mp::Connection received = mp::reduction::rebuild_connection(sent, "the key");
    CHECK((received.readable() && !received.writable()));
    CHECK(received.recv<std::string>(30s) == "through a pickled Connection");

    const int socket = mp::reduction::rebuild_socket(heir.connection.recv(30s), "the key");
    char text[24];
    REQUIRE(::recv(socket, text, sizeof text, MSG_WAITALL) == sizeof text);
    CHECK(std::string_view(text, sizeof text) == "through a pickled socket");
    ::close(socket);
    CHECK_THROWS_AS(mp::reduction::rebuild_connection(mp::object(1), "the key"), mp::Exception);
    heir.connection.send("got both");
    CHECK(heir.python->read_frame() == "ok");
    CHECK(heir.python->end() == 0);
  }
}

TEST_CASE("Connection: Connections are sent to a Python and received from it by send and recv",
          "[interop][connection]") {
  const std::string key = *mp::detail::own_authkey();
  for (const std::string& interpreter : pythons()) {
    CAPTURE(interpreter);
    Heir heir(interpreter, {"fetching", literal(key)});
    heir.connection.python_peer(true);
    auto [reader, writer] = mp::Pipe(false);
    heir.connection.send(writer);
    writer.close();
    CHECK(reader.recv<std::string>(30s) == "from Python");
    CHECK_THROWS_AS(reader.recv(30s), mp::EOFError);  // no copy was left anywhere

    auto [first, second] = mp::Pipe();
    Several several{"n", {}};
    several.connections.push_back(std::move(second));
    several.connections.push_back(mp::Pipe().first);
    std::swap(several.connections[0], several.connections[1]);
    heir.connection.send(several);
    several = {};
    CHECK(first.recv<std::vector<std::string>>(30s) == std::vector<std::string>{"n", "n"});

    CHECK_THROWS_AS(first.recv(30s), mp::EOFError);
    auto answer = heir.connection.recv<One>(30s);
    CHECK(answer.name == "x");
    answer.mine.send("through it");
    CHECK_THROWS_AS(answer.mine.recv(30s), mp::EOFError);

    auto [unfetched, kept] = mp::Pipe(false);
    heir.connection.send(kept);
    kept.close();
    CHECK(heir.connection.recv<std::string>(30s) == "closing");
    CHECK(heir.python->read_frame() == "ok");
    CHECK(heir.python->end() == 0);
    heir.connection.close();
    CHECK_THROWS_AS(unfetched.recv(30s), mp::EOFError);
  }
  mp::resource_sharer::stop();
}

TEST_CASE("Connection: a handshake tells whether descriptors are to be fetched", "[interop][connection]") {
  const std::string key = *mp::detail::own_authkey();
  for (const std::string& interpreter : pythons()) {
    CAPTURE(interpreter);
    mp::Listener listener({.authkey = key});
    Python python(interpreter, {script, "fetching_client", listener.address().path(), literal(key)});
    mp::Connection peer = listener.accept(30s);
    CHECK(peer.python_peer());
    auto [reader, writer] = mp::Pipe(false);
    peer.send(writer);
    writer.close();
    CHECK(reader.recv<std::string>(30s) == "by a handshake");
    auto back = peer.recv<mp::Connection>(30s);
    back.send("there and back");
    CHECK(reader.recv<std::string>(30s) == "there and back");
    peer.send("done");
    CHECK(python.read_frame() == "ok");
    CHECK(python.end() == 0);
  }
  mp::resource_sharer::stop();
}

TEST_CASE("Connection: a Python with another key fetches nothing", "[interop][connection]") {
  for (const std::string& interpreter : pythons()) {
    CAPTURE(interpreter);
    Heir heir(interpreter, {"refused", "b'another key'"});
    heir.connection.python_peer(true);
    auto [reader, writer] = mp::Pipe(false);
    heir.connection.send(writer);
    CHECK(heir.connection.recv<std::string>(30s) == "refused");
    CHECK_FALSE(reader.poll());
    CHECK(heir.python->read_frame() == "ok");
    CHECK(heir.python->end() == 0);
  }
  mp::resource_sharer::stop();
}

// Takes 12 GiB of memory and a minute: MULTIPROCESSING_TEST_LARGE=1.
TEST_CASE("Connection: a message of more than 2 GiB goes to Python and back", "[interop][connection][large]") {
  if (std::getenv("MULTIPROCESSING_TEST_LARGE") == nullptr) return;
  for (const std::string& interpreter : pythons()) {
    CAPTURE(interpreter);
    Heir heir(interpreter, {"digest"});
    const std::size_t size = (std::size_t{1} << 31) + 5;
    {
      const std::string content = content_of(size);
      heir.connection.send_bytes(content);
      std::string digest(EVP_MAX_MD_SIZE, '\0');
      unsigned digest_size = 0;
      REQUIRE(::EVP_Digest(content.data(), content.size(), reinterpret_cast<unsigned char*>(digest.data()),
                           &digest_size, ::EVP_sha256(), nullptr) == 1);
      digest.resize(digest_size);
      CHECK((heir.connection.recv_bytes().view() == digest));
    }
    const mp::bytes back = heir.connection.recv_bytes();
    CHECK(back.size() == size);
    CHECK(back.view().find_first_not_of('x') == std::string_view::npos);
    heir.connection.close();
    CHECK(heir.python->read_frame() == "ok");
    CHECK(heir.python->end() == 0);
  }
}
