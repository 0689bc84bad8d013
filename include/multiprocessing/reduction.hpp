// SPDX-License-Identifier: BSL-1.0
/// \file
/// Descriptors on their way to other processes, as Python's `multiprocessing.reduction` has it.
#pragma once

#include <multiprocessing/connection/connection.hpp>
#include <multiprocessing/detail/connection/boarding.hpp>
#include <multiprocessing/detail/connection/fetch.hpp>
#include <multiprocessing/detail/connection/resource_sharer.hpp>

#include <multiprocessing/detail/os/fd.hpp>
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
/// `int fd = connection.recv<mp::DupFd>().detach()`. The counterpart of Python's `multiprocessing.reduction.DupFd`,
/// also on the wire. Of a socket that a Python has sent it is received, too.
class DupFd {
 public:
  /// None.
  DupFd() = default;
  /// A duplicate of `fd`, which stays its owner's.
  explicit DupFd(int fd) : own_(detail::duplicate(fd)) {}

  int fileno() const { return own_.get(); }
  /// Gives the descriptor away; -1 if there is none.
  [[nodiscard]] int detach() { return own_.release(); }

  template <class = void>
  object reduce() const {
    if (!own_) throw ValueError("send: a DupFd without a descriptor");
    return detail::board(own_.get());
  }
  static DupFd rebuild(const object& sent) {
    DupFd received;
    received.own_ = detail::alight(of_socket(sent));
    return received;
  }

 private:
  /// The DupFd that a socket of Python's is rebuilt from; anything else as it is.
  static object of_socket(const object& sent) {
    if (!sent.is<instance>()) return sent;
    const auto call = sent.to<instance>();
    const bool is_socket = call.class_name() == "multiprocessing.reduction._rebuild_socket" && call.args().size() == 4;
    return is_socket ? call.args()[0] : sent;
  }

  detail::Fd own_;
};

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
  return detail::fetch(detail::SharedId::of(dup_fd), authkey).release();
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

/// The counterpart of Python's `multiprocessing.resource_sharer`.
namespace resource_sharer {

/// Ends the thread from which Pythons fetch the descriptors that were sent to them, and shares those no longer. It
/// starts anew when it is needed.
inline void stop() { detail::ResourceSharer::own().stop(); }

}  // namespace resource_sharer

}  // namespace multiprocessing
