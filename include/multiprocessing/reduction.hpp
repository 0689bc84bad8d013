// SPDX-License-Identifier: BSL-1.0
/// \file
/// Descriptors on their way to other processes, as Python's `multiprocessing.reduction` has it.
#pragma once

#include <multiprocessing/connection/address.hpp>
#include <multiprocessing/connection/client.hpp>
#include <multiprocessing/connection/connection.hpp>
#include <multiprocessing/detail/connection/passengers.hpp>

#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/fork.hpp>
#include <multiprocessing/detail/os/poll.hpp>
#include <multiprocessing/detail/os/rights.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/object/instance.hpp>
#include <multiprocessing/object/object.hpp>
#include <multiprocessing/object/tuple.hpp>
#include <multiprocessing/time.hpp>

#include <cerrno>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace multiprocessing {

/// A descriptor, of a socket or of anything else, that is sent: `connection.send(mp::DupFd(fd))`, and on the other end
/// `int fd = connection.recv<mp::DupFd>().detach()`. The counterpart of Python's `multiprocessing.reduction.DupFd`, but
/// it travels with the message.
class DupFd {
 public:
  /// None.
  DupFd() = default;
  /// A duplicate of `fd`, which stays its owner's.
  explicit DupFd(int fd) : own_(detail::duplicate(fd)) {}

  int fileno() const { return own_.get(); }
  /// Gives the descriptor away; -1 if there is none.
  [[nodiscard]] int detach() { return own_.release(); }

  template <class Archive>
  void serialize(Archive& archive);

 private:
  detail::Fd own_;
};

template <class Archive>
void DupFd::serialize(Archive& archive) {
  std::size_t number = 0;
  if constexpr (Archive::loading) {
    archive(number);
    own_ = detail::Passengers::current().alight(number);
  } else {
    if (!own_) throw ValueError("send: a DupFd without a descriptor");
    number = detail::Passengers::current().board(own_.get());
    archive(number);
  }
}

namespace reduction {

using multiprocessing::DupFd;

/// Sends copies of descriptors through a Unix socket, by themselves; to Python's `recvfds(sock, size)` or ours.
inline void sendfds(int socket, std::span<const int> fds) {
  const char count = static_cast<char>(fds.size() % 256);
  const auto taken = detail::write_with_descriptors(socket, {&count, 1}, {}, fds);
  if (taken < 0) detail::throw_os_error(static_cast<int>(-taken), "sendfds: the descriptors could not be sent");
}

/// Receives the descriptors of one `sendfds`, Python's or ours; the caller owns them. Throws RuntimeError unless they
/// are `size`; then none is left open.
inline std::vector<int> recvfds(int socket, std::size_t size, Timeout timeout = std::nullopt) {
  if (!detail::wait_for(socket, detail::Ready::to_read, detail::Deadline(timeout)))
    throw TimeoutError("recvfds: none came in time");
  std::byte count{};
  std::vector<detail::Fd> received;
  const auto got = detail::read_with_descriptors(socket, {&count, 1}, received, true);
  if (got < 0) detail::throw_os_error(static_cast<int>(-got), "recvfds: no descriptors could be received");
  if (got == 0 && received.empty()) throw EOFError("recvfds: the other end was closed");
  if (received.size() != size || std::to_integer<std::size_t>(count) != size % 256)
    throw RuntimeError("recvfds: " + std::to_string(received.size()) + " descriptors came, and not " +
                       std::to_string(size));
  std::vector<int> fds(size);
  for (std::size_t i = 0; i < size; ++i) fds[i] = received[i].release();
  return fds;
}

/// Sends a copy of `handle`, to Python's `recv_handle(conn)` or ours; as in Python the process that gets it need not be
/// named.
inline void send_handle(const Connection& connection, int handle, std::optional<int> destination_pid = std::nullopt) {
  static_cast<void>(destination_pid);
  sendfds(connection.fileno(), {&handle, 1});
}

/// Receives what Python's `send_handle(conn, handle, pid)` or ours has sent; the caller owns it.
inline int recv_handle(const Connection& connection, Timeout timeout = std::nullopt) {
  return recvfds(connection.fileno(), 1, timeout).front();
}

/// The descriptor that Python's DupFd stands for, which is fetched from the process that made it; once, and the caller
/// owns it. `authkey` is that of the process there, `current_process().authkey`.
inline int detach(const object& dup_fd, const std::string& authkey) {
  const auto sent = dup_fd.to<instance>();
  if (sent.class_name() != "multiprocessing.resource_sharer.DupFd")
    throw TypeError("detach: " + sent.class_name() + " is no multiprocessing.resource_sharer.DupFd");
  const object where = sent.state()["_id"][0];
  const auto key = sent.state()["_id"][1].to<long>();
  const Address address =
      where.is<tuple>() ? Address(where[0].to<std::string>(), where[1].to<int>()) : Address(where.to<std::string>());
  Client client(address, {.authkey = authkey});
  client.send(std::pair(key, static_cast<long>(detail::current_pid())));
  return recv_handle(client);
}

/// The Connection that a Python has sent through a Connection: `rebuild_connection(connection.recv(), key)`.
inline Connection rebuild_connection(const object& sent, const std::string& authkey) {
  const auto rebuild = sent.to<instance>();
  if (rebuild.class_name() != "multiprocessing.connection.rebuild_connection")
    throw TypeError("rebuild_connection: what was sent is no Connection");
  const object args = rebuild.args();
  const bool readable = args[1].to<bool>(), writable = args[2].to<bool>();
  detail::Fd own(detach(args[0], authkey));
  Connection connection(own.get(), readable, writable);
  static_cast<void>(own.release());
  return connection;
}

/// The same for a socket; the caller owns the descriptor.
inline int rebuild_socket(const object& sent, const std::string& authkey) {
  const auto rebuild = sent.to<instance>();
  if (rebuild.class_name() != "multiprocessing.reduction._rebuild_socket")
    throw TypeError("rebuild_socket: what was sent is no socket");
  return detach(rebuild.args()[0], authkey);
}

}  // namespace reduction

}  // namespace multiprocessing
