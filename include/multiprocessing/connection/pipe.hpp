// SPDX-License-Identifier: BSL-1.0
/// \file
/// Pipe: two Connections that are connected to each other.
#pragma once

#include <multiprocessing/connection/connection.hpp>

#include <multiprocessing/detail/os/socket.hpp>

#include <concepts>

namespace multiprocessing {

/// `mp::Pipe({.duplex = false})`, or `mp::Pipe(false)`.
struct PipeOptions {
  bool duplex = true;
};

/// Two Connections to each other, to be taken apart: `auto [here, there] = mp::Pipe();`. The counterpart of Python's
/// `multiprocessing.Pipe`: with duplex both send and receive, else the first receives and the second sends.
///
/// Both kinds are pairs of Unix sockets, so that descriptors can be sent through either.
struct Pipe {
  explicit Pipe(PipeOptions options = {}) : Pipe(detail::make_socket_pair(!options.duplex), options) {}
  template <std::same_as<bool> Bool>
  explicit Pipe(Bool duplex) : Pipe(PipeOptions{.duplex = duplex}) {}

  Connection first;
  Connection second;

 private:
  Pipe(detail::SocketPair ends, PipeOptions options)
      : first(ends.first.get(), true, options.duplex), second(ends.second.get(), options.duplex, true) {
    static_cast<void>(ends.first.release());
    static_cast<void>(ends.second.release());
  }
};

}  // namespace multiprocessing
