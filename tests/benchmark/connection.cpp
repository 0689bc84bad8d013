// SPDX-License-Identifier: BSL-1.0
/// \file
/// Connections beside the bare socket that carries them, and beside Python's Pipe.
#include "engine/python.hpp"
#include "engine/sides.hpp"

#include <multiprocessing/connection.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace benchmark {
namespace {

namespace mp = multiprocessing;

const char bare[] = "bare socket";
const char framed[] = "socket, length first";
const char cpython[] = "CPython's Pipe";

/// Both ends of a pair of sockets, without anything around them.
class BareEnd {
 public:
  explicit BareEnd(int fd) : fd_(fd) {}
  BareEnd(BareEnd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  BareEnd& operator=(BareEnd&&) = delete;
  ~BareEnd() { ::close(fd_); }

  static std::pair<BareEnd, BareEnd> pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw std::system_error(errno, std::generic_category(), "socketpair");
    return {BareEnd(ends[0]), BareEnd(ends[1])};
  }

  void send(const std::vector<char>& message) {
    for (std::size_t at = 0; at < message.size();) {
      const ssize_t taken = ::send(fd_, message.data() + at, message.size() - at, MSG_NOSIGNAL);
      if (taken < 0) throw std::system_error(errno, std::generic_category(), "send");
      at += static_cast<std::size_t>(taken);
    }
  }
  bool receive(std::vector<char>& message) {
    for (std::size_t at = 0; at < message.size();) {
      const ssize_t got = ::recv(fd_, message.data() + at, message.size() - at, 0);
      if (got <= 0) return false;
      at += static_cast<std::size_t>(got);
    }
    return true;
  }

 private:
  int fd_;
};

/// With the length first, as whoever does not read ahead has to receive messages.
class FramedEnd : public BareEnd {
 public:
  using BareEnd::BareEnd;

  static std::pair<FramedEnd, FramedEnd> pair() {
    auto [a, b] = BareEnd::pair();
    return {FramedEnd(std::move(a)), FramedEnd(std::move(b))};
  }
  void send(const std::vector<char>& message) {
    framed_.resize(length_.size() + message.size());
    std::copy(message.begin(), message.end(), framed_.begin() + static_cast<std::ptrdiff_t>(length_.size()));
    BareEnd::send(framed_);
  }
  bool receive(std::vector<char>& message) { return BareEnd::receive(length_) && BareEnd::receive(message); }

 private:
  explicit FramedEnd(BareEnd&& end) : BareEnd(std::move(end)) {}

  std::vector<char> length_ = std::vector<char>(4);
  std::vector<char> framed_;
};

/// The same by Connections, into memory that is there already as with the bare socket.
class OurEnd {
 public:
  explicit OurEnd(mp::Connection connection) : connection_(std::move(connection)) {}

  static std::pair<OurEnd, OurEnd> pair() {
    auto [a, b] = mp::Pipe();
    return {OurEnd(std::move(a)), OurEnd(std::move(b))};
  }

  void send(const std::vector<char>& message) { connection_.send_bytes(message); }
  bool receive(std::vector<char>& message) {
    try {
      connection_.recv_bytes_into(message);
      return true;
    } catch (const mp::EOFError&) {
      return false;
    }
  }

 protected:
  mp::Connection connection_;
};

/// And by recv_bytes, which makes a new object of each message.
class OurBytesEnd : public OurEnd {
 public:
  using OurEnd::OurEnd;

  static std::pair<OurBytesEnd, OurBytesEnd> pair() {
    auto [a, b] = mp::Pipe();
    return {OurBytesEnd(std::move(a)), OurBytesEnd(std::move(b))};
  }
  bool receive(std::vector<char>&) {
    try {
      use(connection_.recv_bytes());
      return true;
    } catch (const mp::EOFError&) {
      return false;
    }
  }
};

/// From here to the other side and back.
template <class End>
Figures round_trip(std::size_t size, bool same_core) {
  auto ends = std::make_unique<std::pair<End, End>>(End::pair());
  const pid_t other = fork_side([&] {
    End mine = std::move(ends->second);
    ends.reset();
    pin(same_core ? 0 : 1);
    std::vector<char> message(size);
    while (mine.receive(message)) mine.send(message);
  });
  Figures figures;
  {
    End mine = std::move(ends->first);
    ends.reset();
    pin(0);
    std::vector<char> message(size, 'x');
    figures.nanoseconds = per_call([&] {
      mine.send(message);
      if (!mine.receive(message)) throw std::runtime_error("the other side is gone");
    });
  }
  wait_for_side(other);
  return figures;
}

/// One after the other, in one direction: the time from one to the next.
template <class End>
Figures stream(std::size_t size) {
  auto ends = std::make_unique<std::pair<End, End>>(End::pair());
  const pid_t other = fork_side([&] {
    End mine = std::move(ends->second);
    ends.reset();
    pin(1);
    const std::vector<char> message(size, 'x');
    try {
      for (;;) mine.send(message);
    } catch (const std::system_error&) {  // the receiver has seen enough
    }
  });
  Figures figures;
  {
    End mine = std::move(ends->first);
    ends.reset();
    pin(0);
    std::vector<char> message(size);
    figures.nanoseconds = per_call([&] {
      if (!mine.receive(message)) throw std::runtime_error("the other side is gone");
    });
  }
  wait_for_side(other);
  return figures;
}

/// What Python does in the same time, with `loop(child's end)` in the child and `call()` here.
Figures python(const std::string& loop, const std::string& call, std::size_t size, bool same_core) {
  const auto processor = [&](std::size_t side) { return std::to_string(processors()[side % processors().size()]); };
  return time_in_python("from multiprocessing import Pipe\nmessage = b\"x\" * " + std::to_string(size) + R"(
here, there = Pipe()
pid = os.fork()
if pid == 0:
    os.sched_setaffinity(0, {)" + processor(same_core ? 0 : 1) + R"(})
    here.close()
    try:
        while True:
            )" + loop + R"(
    except (EOFError, OSError):
        os._exit(0)
there.close()
os.sched_setaffinity(0, {)" + processor(0) + "})\n",
                        call, "here.close()\nos.waitpid(pid, 0)\n");
}

void add_round_trip(const std::string& name, std::size_t size, const std::string& says, Place place) {
  const bool same_core = place == Place::one_core;
  Case one{.name = "connection." + name,
           .says = says,
           .place = place,
           .contenders = {limit(bare, [=] { return round_trip<BareEnd>(size, same_core); }),
                          ours("Connection", [=] { return round_trip<OurEnd>(size, same_core); }),
                          peer("recv_bytes", [=] { return round_trip<OurBytesEnd>(size, same_core); }),
                          peer(framed, [=] { return round_trip<FramedEnd>(size, same_core); })},
           .targets = {{bare, 1.15, {}}}};
  if (has_python()) {
    one.contenders.push_back(peer(cpython, [=] {
      return python("there.send_bytes(there.recv_bytes())", "here.send_bytes(message); here.recv_bytes()", size,
                    same_core);
    }));
  }
  cases().push_back(std::move(one));
}

void add_stream(const std::string& name, std::size_t size, const std::string& says) {
  const bool is_small = size < 16384;
  Case one{.name = "connection.stream_" + name,
           .says = says,
           .place = Place::two_cores,
           .contenders = {limit(bare, [=] { return stream<BareEnd>(size); }),
                          ours("Connection", [=] { return stream<OurEnd>(size); }),
                          peer("recv_bytes", [=] { return stream<OurBytesEnd>(size); }),
                          peer(framed, [=] { return stream<FramedEnd>(size); })},
           .targets = {{is_small ? framed : bare, 1.15, {}}}};
  if (has_python())
    one.contenders.push_back(
        peer(cpython, [=] { return python("there.send_bytes(message)", "here.recv_bytes()", size, false); }));
  cases().push_back(std::move(one));
}

const bool added = [] {
  add_round_trip("round_trip", 8, "8 bytes to another process and back, on one processor", Place::one_core);
  add_round_trip("round_trip_two_cores", 8, "the same on two", Place::two_cores);
  add_round_trip("round_trip_1k", 1024, "1 KiB to another process and back, on one processor", Place::one_core);
  add_stream("64", 64, "messages of 64 bytes, one after the other");
  add_stream("64k", 65536, "messages of 64 KiB, one after the other");
  add_stream("1m", std::size_t{1} << 20, "messages of 1 MiB, one after the other");
  return true;
}();

}  // namespace
}  // namespace benchmark
