// SPDX-License-Identifier: BSL-1.0
/// \file
/// Reading and writing a stream of bytes, whether it is a socket, a pipe or a terminal.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>
#include <multiprocessing/detail/os/write.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace multiprocessing::detail {

/// What a descriptor is, as far as reading and writing differ.
enum class StreamKind { other, socket, unix_socket };

/// Throws OSError when `fd` is not open.
inline StreamKind stream_kind(int fd) {
  int domain = 0;
  socklen_t size = sizeof domain;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0)
    return domain == AF_UNIX ? StreamKind::unix_socket : StreamKind::socket;
  if (errno != ENOTSOCK) throw_os_error(errno, "descriptor " + std::to_string(fd) + " can't be a connection");
  return StreamKind::other;
}

/// Whether to wait for the other end, or to return -EAGAIN.
enum class Wait { no, yes };

/// Whether a call on `fd` would not block now. For what has no flag that says so at each call.
inline bool is_ready(int fd, short events) noexcept {
  pollfd wanted{fd, events, 0};
  int ready = 0;
  while ((ready = ::poll(&wanted, 1, 0)) == -1 && errno == EINTR) {
  }
  return ready != 0;
}

/// Whether nobody is at the other end any more.
inline bool is_hung_up(int fd) noexcept {
  pollfd wanted{fd, 0, 0};
  return ::poll(&wanted, 1, 0) == 1 && (wanted.revents & POLLHUP) != 0;
}

/// Reads what is there, up to the size of `room`; returns how much, 0 at the end of the stream, or minus the error. A
/// descriptor that someone made non-blocking gives -EAGAIN even with Wait::yes.
inline std::ptrdiff_t read_stream(int fd, StreamKind kind, std::span<std::byte> room, Wait wait) noexcept {
  for (;;) {
    std::ptrdiff_t got;
    if (kind == StreamKind::other) {
      if (wait == Wait::no && !is_ready(fd, POLLIN)) return -EAGAIN;
      got = ::read(fd, room.data(), room.size());
    } else {
      got = ::recv(fd, room.data(), room.size(), wait == Wait::no ? MSG_DONTWAIT : 0);
    }
    if (got >= 0) return got;
    if (errno != EINTR) return -errno;
  }
}

/// Writes from `first` and then from `second`, in one call; returns how much was taken in all, or minus the error. A
/// reader that is gone is -EPIPE, never a signal.
inline std::ptrdiff_t write_stream(int fd, StreamKind kind, std::string_view first, std::string_view second,
                                   Wait wait) noexcept {
  // The kernel reads from them only.
  iovec parts[] = {{const_cast<char*>(first.data()), first.size()}, {const_cast<char*>(second.data()), second.size()}};
  for (;;) {
    std::ptrdiff_t taken;
    if (kind == StreamKind::other) {
      if (wait == Wait::no && !is_ready(fd, POLLOUT)) return -EAGAIN;
      SigpipeHeld pipe;
      taken = ::writev(fd, parts, 2);
      if (taken == -1 && errno == EPIPE) {
        pipe.broken();
        return -EPIPE;
      }
    } else if (second.empty()) {
      taken = ::send(fd, first.data(), first.size(), MSG_NOSIGNAL | (wait == Wait::no ? MSG_DONTWAIT : 0));
    } else {
      msghdr message{};
      message.msg_iov = parts;
      message.msg_iovlen = 2;
      taken = ::sendmsg(fd, &message, MSG_NOSIGNAL | (wait == Wait::no ? MSG_DONTWAIT : 0));
    }
    if (taken >= 0) return taken;
    if (errno != EINTR) return -errno;
  }
}

}  // namespace multiprocessing::detail
