// SPDX-License-Identifier: BSL-1.0
/// \file
/// Listener: where others connect to.
#pragma once

#include <multiprocessing/connection/address.hpp>
#include <multiprocessing/connection/connection.hpp>
#include <multiprocessing/connection/options.hpp>
#include <multiprocessing/detail/connection/handshake.hpp>
#include <multiprocessing/detail/connection/stranger.hpp>

#include <multiprocessing/detail/os/fork.hpp>
#include <multiprocessing/detail/os/pipe.hpp>
#include <multiprocessing/detail/os/poll.hpp>
#include <multiprocessing/detail/os/socket.hpp>
#include <multiprocessing/detail/os/socket_file.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/time.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace multiprocessing {

/// An address where others connect to; the counterpart of Python's `multiprocessing.connection.Listener`.
///
/// Without an address it is a new Unix socket in a folder of mode 0700; closing it deletes both. On Unix sockets only
/// this user and root are let in, on TCP only who knows the authkey, unless `any_user`.
///
/// Threads: one at a time.
/// Fork:    a child may accept, too, from the same address; only its maker deletes the socket's file.
/// Death:   a process that is killed, or ends without destroying it, leaves the file behind.
/// Cost:    nothing runs beside the program: strangers are served while accept() is called.
class Listener {
 public:
  explicit Listener(const ListenerOptions& options = {}) : Listener(Address(), options) {}
  explicit Listener(Address address, const ListenerOptions& options = {});

  Listener(Listener&& other) noexcept { *this = std::move(other); }
  Listener& operator=(Listener&& other) noexcept;
  ~Listener() { close(); }

  /// Waits for a peer that connects and, if there is an authkey, proves that it knows it. Throws AuthenticationError
  /// when one tried and did not; whoever is silent, too slow or no peer at all is dropped without a word, and holds up
  /// nobody. Throws TimeoutError when nobody came in time.
  Connection accept(Timeout timeout = std::nullopt);

  void close() noexcept;

  /// Where it listens: with the port or the path that was chosen.
  const Address& address() const;
  /// Where the peer that was accepted last came from; absent for Unix sockets, as in Python.
  const std::optional<Address>& last_accepted() const { return last_accepted_; }

 private:
  using Strangers = std::vector<std::unique_ptr<detail::Stranger>>;
  using Clock = detail::Stranger::Clock;

  /// More at once would keep those waiting that are known already.
  static constexpr int most_accepted_at_once = 16;

  void make_own();
  void listen();
  void resume();
  detail::Deadline next_event(const detail::Deadline& deadline) const;
  std::optional<Connection> serve(const detail::PollSet& ready);
  std::optional<Connection> admit();
  bool is_welcome(const detail::Accepted& accepted) const;
  bool make_room();
  Connection let_in(detail::Accepted accepted);

  ListenerOptions options_;
  Address address_;
  detail::Fd socket_;
  detail::SocketFile file_;          // of a Unix socket with a path
  Strangers strangers_;              // the oldest first
  int pid_ = detail::current_pid();  // whose the strangers are
  Clock::time_point left_ = {};      // when accept() last returned
  std::optional<Address> last_accepted_;
};

inline Listener::Listener(Address address, const ListenerOptions& options)
    : options_(options), address_(std::move(address)) {
  detail::check_authkey(options.authkey, "Listener");
  detail::check_family(options.family);
  const bool tcp = address_.empty() ? options.family == "AF_INET" : !address_.is_unix();
  if (tcp && !options.authkey && !options.any_user)
    throw ValueError(
        "Listener: by TCP any user of any machine may come, so give an authkey, or say that all are welcome by "
        "any_user");
  if (options.family && *options.family != (tcp ? "AF_INET" : "AF_UNIX"))
    throw ValueError("Listener: " + address_.text() + " is no address of the family " + *options.family);
  if (options.most_strangers == 0) throw ValueError("Listener: most_strangers is 0, so nobody could ever come in");
  if (address_.empty() && !tcp) {
    make_own();
  } else {
    if (address_.empty()) address_ = Address("localhost", 0);
    listen();
    // Only now that it is ours: what others have there is not to be deleted.
    if (address_.is_unix() && !address_.is_abstract()) file_ = detail::SocketFile(address_.path(), {});
  }
}

/// In a folder that only this user can enter.
inline void Listener::make_own() {
  constexpr std::size_t name_size = sizeof "listener-" - 1 + 6;
  const std::string folder = detail::make_socket_folder(name_size);
  address_ = Address(folder + "/listener-" + folder.substr(folder.size() - 6));
  file_ = detail::SocketFile(address_.path(), folder);
  listen();
}

inline void Listener::listen() {
  const detail::SocketAddress where = address_.resolve();
  socket_ = detail::listen_at(where, options_.backlog, options_.any_user, address_.text());
  if (!address_.is_unix()) address_ = Address::from(detail::address_of(socket_.get()));
}

inline Listener& Listener::operator=(Listener&& other) noexcept {
  close();
  options_ = std::move(other.options_);
  address_ = std::move(other.address_);
  socket_ = std::move(other.socket_);
  file_ = std::move(other.file_);
  strangers_ = std::move(other.strangers_);
  pid_ = other.pid_;
  left_ = other.left_;
  last_accepted_ = std::move(other.last_accepted_);
  return *this;
}

inline void Listener::close() noexcept {
  strangers_.clear();
  socket_.reset();
  file_ = {};
}

inline const Address& Listener::address() const {
  if (!socket_) throw OSError(std::make_error_code(std::errc::bad_file_descriptor), "listener is closed");
  return address_;
}

inline Connection Listener::accept(Timeout timeout) {
  address();  // throws when closed
  const detail::Deadline deadline(timeout);
  resume();
  struct Leave {
    Clock::time_point& at;
    ~Leave() { at = Clock::now(); }
  } const leave{left_};
  detail::PollSet events;
  for (;;) {
    events.clear();
    for (const auto& stranger : strangers_) events.add(stranger->fileno());
    events.add(socket_.get());
    const std::size_t known = strangers_.size();
    events.wait(next_event(deadline));
    if (auto proved = serve(events)) return std::move(*proved);
    if (events.is_ready(known)) {
      if (auto admitted = admit()) return std::move(*admitted);
    } else if (deadline.passed()) {
      throw TimeoutError("accept: nobody came to " + address_.text() + " in time");
    }
  }
}

/// The time that the program spent elsewhere is not the strangers' fault; and after a fork they are the parent's.
inline void Listener::resume() {
  if (std::exchange(pid_, detail::current_pid()) != pid_) strangers_.clear();
  for (const auto& stranger : strangers_) stranger->extend(Clock::now() - left_);
}

inline detail::Deadline Listener::next_event(const detail::Deadline& deadline) const {
  auto left = deadline.left();
  for (const auto& stranger : strangers_)
    left = std::min<std::chrono::nanoseconds>(left, stranger->deadline() - Clock::now());
  return detail::Deadline(left);
}

inline std::optional<Connection> Listener::serve(const detail::PollSet& ready) {
  using Standing = detail::Stranger::Standing;
  const auto now = Clock::now();
  Strangers served = std::exchange(strangers_, {});
  std::optional<Connection> proved;
  std::optional<AuthenticationError> fault;
  for (std::size_t i = 0; i < served.size(); ++i) {
    auto& stranger = served[i];
    Standing standing = Standing::unknown;
    // One result a call: the others stay as they are until the next.
    if (ready.is_ready(i) && !proved && !fault) {
      try {
        standing = stranger->receive();
        if (standing == Standing::proved) {
          proved = let_in(stranger->take());
          proved->python_peer(stranger->is_python());
        }
      } catch (const AuthenticationError& error) {
        fault = error;
        standing = Standing::gone;
      }
    }
    if (standing == Standing::unknown && stranger->deadline() > now) strangers_.push_back(std::move(stranger));
  }
  if (fault) throw *fault;
  return proved;
}

inline std::optional<Connection> Listener::admit() {
  for (int i = 0; i < most_accepted_at_once; ++i) {
    detail::Accepted accepted = detail::accept_from(socket_.get());
    if (!accepted.socket) {
      if (accepted.error == EAGAIN) return std::nullopt;
      // Out of descriptors: a stranger may hold one that a better peer could have.
      if (make_room()) continue;
      detail::throw_os_error(accepted.error, "accept: a peer of " + address_.text() + " can't be accepted");
    }
    if (!is_welcome(accepted)) continue;
    if (!options_.authkey) return let_in(std::move(accepted));
    if (strangers_.size() >= options_.most_strangers) make_room();
    auto stranger = std::make_unique<detail::Stranger>(
        std::move(accepted),
        detail::Handshake(detail::Handshake::Role::listener, *options_.authkey, options_.refuse_md5),
        Clock::now() + options_.timeout);
    if (stranger->send() != detail::Stranger::Standing::gone) strangers_.push_back(std::move(stranger));
  }
  return std::nullopt;
}

inline bool Listener::is_welcome(const detail::Accepted& accepted) const {
  if (options_.any_user || !address_.is_unix()) return true;
  const auto user = detail::peer_user(accepted.socket.get());
  return user && detail::is_own_user(*user);
}

/// Drops the one that has had the longest time and proved nothing; returns whether there was any.
inline bool Listener::make_room() {
  if (strangers_.empty()) return false;
  const auto untrusted =
      std::find_if(strangers_.begin(), strangers_.end(), [](const auto& each) { return !each->is_trusted(); });
  strangers_.erase(untrusted == strangers_.end() ? strangers_.begin() : untrusted);
  return true;
}

inline Connection Listener::let_in(detail::Accepted accepted) {
  detail::Fd socket = detail::above_standard_streams(std::move(accepted.socket));
  Connection connection(socket.get());
  static_cast<void>(socket.release());
  if (address_.is_unix()) {
    last_accepted_.reset();
  } else {
    last_accepted_ = Address::from(accepted.address);
  }
  return connection;
}

}  // namespace multiprocessing
