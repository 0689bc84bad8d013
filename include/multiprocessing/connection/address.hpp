// SPDX-License-Identifier: BSL-1.0
/// \file
/// Address: where a Listener listens and a Client connects to.
#pragma once

#include <multiprocessing/detail/os/resolve.hpp>
#include <multiprocessing/detail/os/socket.hpp>
#include <multiprocessing/detail/text/quote.hpp>
#include <multiprocessing/errors.hpp>

#include <concepts>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace multiprocessing {

/// A host and a port, the path of a Unix socket, or after a NUL the name of an abstract one; as in Python a tuple, a
/// str, or a str or bytes that begins with NUL.
class Address {
 public:
  /// None: a Listener then chooses one.
  Address() = default;
  Address(std::string path) : text_(std::move(path)) { check_text(); }
  Address(std::string_view path) : Address(std::string(path)) {}
  /// A literal that begins with NUL, "\0name", is an abstract one.
  template <std::size_t Size>
  Address(const char (&path)[Size]) : Address(path[0] == '\0' ? std::string(path, Size - 1) : std::string(path)) {}
  template <class Text>
    requires std::same_as<Text, const char*> || std::same_as<Text, char*>
  Address(Text path) : Address(std::string(path)) {}
  /// Port 0 lets the system choose one.
  template <std::integral Port>
  Address(std::string host, Port port) : text_(std::move(host)), port_(checked_port(port)) {}
  template <std::integral Port>
  Address(std::pair<std::string, Port> host_and_port) : Address(std::move(host_and_port.first), host_and_port.second) {}

  bool empty() const { return text_.empty() && port_ < 0; }
  /// "AF_INET" or "AF_UNIX".
  std::string_view family() const { return is_unix() ? "AF_UNIX" : "AF_INET"; }
  bool is_unix() const { return port_ < 0; }
  bool is_abstract() const { return is_unix() && !text_.empty() && text_.front() == '\0'; }
  /// The path or, NUL included, the name; throws ValueError for others.
  const std::string& path() const;
  const std::string& host() const;
  int port() const;

  friend bool operator==(const Address&, const Address&) = default;
  /// As Python's repr: `('127.0.0.1', 6000)`, `'/tmp/socket'`, `b'\x00name'`.
  friend std::ostream& operator<<(std::ostream& out, const Address& address) { return out << address.text(); }
  std::string text() const;

 private:
  friend class Listener;
  friend class Client;

  void check_text() const {
    if (text_.size() > 1 && text_.find('\0', 1) != text_.npos)
      throw ValueError("Address: there is a NUL inside the path " + text());
  }
  template <std::integral Port>
  static int checked_port(Port port) {
    if (!std::in_range<unsigned short>(port))
      throw ValueError("Address: port " + std::to_string(port) + " is not in 0 to 65535");
    return static_cast<int>(port);
  }
  static Address from(const detail::SocketAddress& address) {
    auto [text, port] = detail::unresolve(address);
    return port < 0 ? Address(std::move(text)) : Address(std::move(text), port);
  }
  detail::SocketAddress resolve() const {
    return is_unix() ? detail::resolve_path(text_, text()) : detail::resolve_host(text_, port_, text());
  }

  std::string text_;  // the host, or the path
  int port_ = -1;     // -1: a Unix socket
};

inline const std::string& Address::path() const {
  if (!is_unix()) throw ValueError("Address: " + text() + " is no Unix socket and has no path");
  return text_;
}

inline const std::string& Address::host() const {
  if (is_unix()) throw ValueError("Address: " + text() + " is a Unix socket and has no host");
  return text_;
}

inline int Address::port() const {
  if (is_unix()) throw ValueError("Address: " + text() + " is a Unix socket and has no port");
  return port_;
}

inline std::string Address::text() const {
  if (is_abstract()) {
    std::string quoted;
    detail::append_bytes(quoted, text_);
    return quoted;
  }
  std::string quoted;
  detail::append_quoted(quoted, std::string_view(text_));
  return is_unix() ? quoted : '(' + quoted + ", " + std::to_string(port_) + ')';
}

}  // namespace multiprocessing
