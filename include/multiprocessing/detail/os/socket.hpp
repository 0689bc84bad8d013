// SPDX-License-Identifier: BSL-1.0
/// \file
/// Sockets: pairs, and those that listen and connect.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>
#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/pipe.hpp>
#include <multiprocessing/detail/os/poll.hpp>
#include <multiprocessing/time.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace multiprocessing::detail {

/// An address as the kernel takes it.
struct SocketAddress {
  sockaddr_storage bytes{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&bytes); }
  bool is_unix() const { return bytes.ss_family == AF_UNIX; }
};

struct SocketPair {
  Fd first;
  Fd second;
};

/// Two sockets, connected to each other; with `one_way` only from the second to the first.
inline SocketPair make_socket_pair(bool one_way) {
  int ends[2];
  checked("socketpair", [&] { return ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends); });
  Fd first(ends[0]);
  Fd second(ends[1]);
  if (one_way) {
    ::shutdown(first.get(), SHUT_WR);  // of a fresh pair these cannot fail
    ::shutdown(second.get(), SHUT_RD);
  }
  return {above_standard_streams(std::move(first)), above_standard_streams(std::move(second))};
}

inline Fd make_socket(const SocketAddress& address) {
  return above_standard_streams(
      Fd(checked("socket", [&] { return ::socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0); })));
}

inline void set_option(int fd, int level, int name, int value) noexcept {
  ::setsockopt(fd, level, name, &value, sizeof value);  // makes things better; all works without
}

/// A socket that listens at `address`; `text` is the address for messages. Who accepts from it is never blocked by it.
/// The file of a Unix socket is its owner's alone, unless `any_user`.
inline Fd listen_at(const SocketAddress& address, int backlog, bool any_user, const std::string& text) {
  Fd socket = make_socket(address);
  set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  // What bind() makes takes its permissions from the socket, so there is no moment in which others could connect.
  if (address.is_unix() && !any_user) ::fchmod(socket.get(), S_IRUSR | S_IWUSR);
  const std::string what = "Listener: can't listen at " + text;
  checked(what.c_str(), [&] { return ::bind(socket.get(), address.get(), address.size); });
  checked(what.c_str(), [&] { return ::listen(socket.get(), backlog); });
  checked(what.c_str(), [&] { return ::fcntl(socket.get(), F_SETFL, O_NONBLOCK); });
  return socket;
}

/// Where the socket itself is.
inline SocketAddress address_of(int fd) {
  SocketAddress address;
  address.size = sizeof address.bytes;
  checked("getsockname", [&] { return ::getsockname(fd, address.get(), &address.size); });
  return address;
}

struct Accepted {
  Fd socket;  // empty when nobody waits to be accepted
  SocketAddress address;
  int error = 0;  // why there is none: EMFILE, say
};

inline Accepted accept_from(int listener) noexcept {
  Accepted accepted;
  for (;;) {
    accepted.address.size = sizeof accepted.address.bytes;
    accepted.socket = Fd(::accept4(listener, accepted.address.get(), &accepted.address.size, SOCK_CLOEXEC));
    if (accepted.socket) break;
    // A peer that is gone again, and faults of the network that come up only here.
    const int passing[] = {EINTR,     ECONNABORTED, EPROTO,       ENETDOWN,    ENOPROTOOPT,
                           EHOSTDOWN, ENONET,       EHOSTUNREACH, ENETUNREACH, ETIMEDOUT};
    if (std::find(std::begin(passing), std::end(passing), errno) == std::end(passing)) {
      accepted.error = errno == EWOULDBLOCK ? EAGAIN : errno;
      return accepted;
    }
  }
  if (!accepted.address.is_unix()) set_option(accepted.socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  return accepted;
}

/// Waits at most so long in a call that sends or connects; for ever if absent.
inline void limit_sending(int fd, const Deadline& deadline) noexcept {
  timeval limit{};
  if (!deadline.forever()) {
    const auto left =
        std::max(std::chrono::duration_cast<std::chrono::microseconds>(deadline.left()), std::chrono::microseconds(1));
    limit = {static_cast<std::time_t>(left.count() / 1'000'000), static_cast<suseconds_t>(left.count() % 1'000'000)};
  }
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/// A socket that is connected to `address`; `text` is the address for messages. Throws TimeoutError when the deadline
/// passed.
inline Fd connect_to(const SocketAddress& address, const Deadline& deadline, const std::string& text) {
  Fd socket = make_socket(address);
  limit_sending(socket.get(), deadline);
  int error = 0;
  while (::connect(socket.get(), address.get(), address.size) == -1) {
    error = errno;
    if (error == EISCONN) break;
    if (error == EALREADY || error == EINTR) {
      // An interrupted TCP connect goes on by itself; asked again it says how far it is.
      if (error == EALREADY && !wait_for(socket.get(), Ready::to_write, deadline))
        error = EINPROGRESS;
      else
        continue;
    }
    if (error == EINPROGRESS || error == EAGAIN)
      throw TimeoutError("Client: nobody accepted the connection to " + text + " in time");
    throw_os_error(error, "Client: can't connect to " + text);
  }
  limit_sending(socket.get(), Deadline(std::nullopt));
  if (!address.is_unix()) set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  return socket;
}

/// The user that is at the other end of a Unix socket; absent for other sockets.
inline std::optional<uid_t> peer_user(int fd) noexcept {
  ucred peer{};
  socklen_t size = sizeof peer;
  int domain = 0;
  socklen_t domain_size = sizeof domain;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) != 0 || domain != AF_UNIX) return std::nullopt;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return peer.uid;
}

/// Whether that user is this process's own, or root, who may do everything anyway.
inline bool is_own_user(uid_t user) noexcept { return user == ::geteuid() || user == 0; }

}  // namespace multiprocessing::detail
