// SPDX-License-Identifier: BSL-1.0
/// \file
/// Client: a Connection to a Listener.
#pragma once

#include <multiprocessing/connection/address.hpp>
#include <multiprocessing/connection/connection.hpp>
#include <multiprocessing/connection/options.hpp>
#include <multiprocessing/detail/connection/challenge.hpp>
#include <multiprocessing/detail/connection/handshake.hpp>

#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/socket.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/time.hpp>

#include <algorithm>
#include <chrono>
#include <string>

namespace multiprocessing {

/// A Connection to a Listener, of Python's as well; the counterpart of Python's `multiprocessing.connection.Client`.
///
/// With an authkey both ends prove that they know it: AuthenticationError if they don't. As in Python a listener that
/// is busy is waited for without end, unless there is a timeout; but once it has begun it has to be done within 5 s.
class Client : public Connection {
 public:
  explicit Client(const Address& address, const ClientOptions& options = {});

 private:
  static detail::Fd connect(const Address& address, const ClientOptions& options, const detail::Deadline& deadline);
  void authenticate(const ClientOptions& options, const detail::Deadline& deadline);
};

inline Client::Client(const Address& address, const ClientOptions& options) {
  detail::check_authkey(options.authkey, "Client");
  detail::check_family(options.family);
  if (options.family && *options.family != address.family())
    throw ValueError("Client: " + address.text() + " is no address of the family " + *options.family);
  const detail::Deadline deadline(options.timeout);
  detail::Fd socket = connect(address, options, deadline);
  Connection::operator=(Connection(socket.get()));
  static_cast<void>(socket.release());
  if (options.authkey) authenticate(options, deadline);
}

inline detail::Fd Client::connect(const Address& address, const ClientOptions& options,
                                  const detail::Deadline& deadline) {
  detail::Fd socket = detail::connect_to(address.resolve(), deadline, address.text());
  if (options.any_user || !address.is_unix()) return socket;
  const auto user = detail::peer_user(socket.get());
  if (!user || !detail::is_own_user(*user))
    throw AuthenticationError("Client: another user listens at " + address.text() + "; any_user allows that");
  return socket;
}

inline void Client::authenticate(const ClientOptions& options, const detail::Deadline& deadline) {
  if (!poll(deadline.left())) throw TimeoutError("Client: the listener did not accept in time");
  const detail::Deadline end(std::min<std::chrono::nanoseconds>(deadline.left(), handshake_timeout));
  detail::Handshake handshake(detail::Handshake::Role::client, *options.authkey, options.refuse_md5);
  const auto send_outgoing = [&] {
    if (const std::string message = handshake.outgoing(); !message.empty()) send_bytes(message);
  };
  while (!handshake.done()) {
    const bytes message = recv_bytes(detail::longest_proof, end.left());
    try {
      handshake.receive(message.view());
    } catch (const AuthenticationError&) {
      send_outgoing();
      throw;
    }
    send_outgoing();
  }
  python_peer(handshake.with_python());
}

}  // namespace multiprocessing
