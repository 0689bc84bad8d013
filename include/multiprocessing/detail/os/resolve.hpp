// SPDX-License-Identifier: BSL-1.0
/// \file
/// From names of hosts and paths of sockets to addresses, and back.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>
#include <multiprocessing/detail/os/socket.hpp>
#include <multiprocessing/errors.hpp>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

namespace multiprocessing::detail {

/// How long the path of a Unix socket may be.
inline constexpr std::size_t longest_socket_path = sizeof(sockaddr_un::sun_path) - 1;

/// `path` may begin with NUL and is then an abstract name; `text` is the address for messages.
inline SocketAddress resolve_path(const std::string& path, const std::string& text) {
  if (path.empty() || path.size() > longest_socket_path)
    throw_os_error(EINVAL,
                   "AF_UNIX path too long or empty (" + std::to_string(longest_socket_path) + " bytes fit): " + text);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  SocketAddress resolved;
  std::memcpy(&resolved.bytes, &address, sizeof address);
  // Of an abstract name every byte counts; a path ends with NUL.
  const std::size_t end = path.front() == '\0' ? 0 : 1;
  resolved.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + end);
  return resolved;
}

/// A name without a colon is one of IPv4's, as in Python; empty means every one of this machine's.
inline SocketAddress resolve_host(const std::string& host, int port, const std::string& text) {
  addrinfo wanted{};
  wanted.ai_family = host.find(':') == host.npos ? AF_INET : AF_INET6;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string number = std::to_string(port);
  const int error = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), number.c_str(), &wanted, &found);
  if (error == EAI_SYSTEM) throw_os_error(errno, "there is no address of " + text);
  if (error != 0)
    throw OSError(std::make_error_code(std::errc::address_not_available),
                  "there is no address of " + text + ": " + ::gai_strerror(error));
  SocketAddress resolved;
  std::memcpy(&resolved.bytes, found->ai_addr, found->ai_addrlen);
  resolved.size = found->ai_addrlen;
  ::freeaddrinfo(found);
  return resolved;
}

/// Path and -1, or host and port.
inline std::pair<std::string, int> unresolve(const SocketAddress& address) {
  if (address.is_unix()) {
    sockaddr_un from{};
    std::memcpy(&from, &address.bytes, std::min<std::size_t>(address.size, sizeof from));
    if (address.size <= offsetof(sockaddr_un, sun_path)) return {std::string(), -1};
    const std::size_t size = address.size - offsetof(sockaddr_un, sun_path);
    if (from.sun_path[0] == '\0') return {std::string(from.sun_path, size), -1};
    return {std::string(from.sun_path, ::strnlen(from.sun_path, size)), -1};
  }
  char text[INET6_ADDRSTRLEN] = "";
  if (address.bytes.ss_family == AF_INET6) {
    sockaddr_in6 from{};
    std::memcpy(&from, &address.bytes, sizeof from);
    ::inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof text);
    return {text, ntohs(from.sin6_port)};
  }
  sockaddr_in from{};
  std::memcpy(&from, &address.bytes, sizeof from);
  ::inet_ntop(AF_INET, &from.sin_addr, text, sizeof text);
  return {text, ntohs(from.sin_port)};
}

}  // namespace multiprocessing::detail
