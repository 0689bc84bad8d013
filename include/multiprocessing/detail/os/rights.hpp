// SPDX-License-Identifier: BSL-1.0
/// \file
/// Descriptors that travel through a Unix socket (SCM_RIGHTS).
#pragma once

#include <multiprocessing/detail/os/checked.hpp>
#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/pipe.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// As many as the kernel lets travel with one message.
inline constexpr std::size_t most_descriptors = 253;

/// Another descriptor of the same open file.
inline Fd duplicate(int fd) {
  return Fd(checked("fcntl(F_DUPFD_CLOEXEC)", [&] { return ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1); }));
}

/// Room for what travels beside a message.
struct Baggage {
  alignas(cmsghdr) char bytes[CMSG_SPACE(most_descriptors * sizeof(int))];
};

/// Writes from `first` and then from `second` in one call, and copies of `descriptors` with them; returns how many
/// bytes were taken, or minus the error. When any was taken, all descriptors were.
inline std::ptrdiff_t write_with_descriptors(int fd, std::string_view first, std::string_view second,
                                             std::span<const int> descriptors) noexcept {
  if (descriptors.size() > most_descriptors) return -EMSGSIZE;
  iovec parts[] = {{const_cast<char*>(first.data()), first.size()}, {const_cast<char*>(second.data()), second.size()}};
  Baggage baggage{};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  if (!descriptors.empty()) {
    message.msg_control = baggage.bytes;
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  }
  for (;;) {
    const std::ptrdiff_t taken = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (taken >= 0) return taken;
    if (errno != EINTR) return -errno;
  }
}

/// Reads what is there and adds the descriptors that came with it, which are ours from now on; returns as
/// read_stream().
inline std::ptrdiff_t read_with_descriptors(int fd, std::span<std::byte> room, std::vector<Fd>& descriptors,
                                            bool wait) {
  iovec part{room.data(), room.size()};
  Baggage baggage;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = baggage.bytes;
  message.msg_controllen = sizeof baggage.bytes;
  std::ptrdiff_t got;
  while ((got = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT))) == -1) {
    if (errno != EINTR) return -errno;
  }
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    int numbers[most_descriptors];
    std::memcpy(numbers, CMSG_DATA(header), count * sizeof(int));
    Fd owned[most_descriptors];  // before the vector may find no memory for them
    for (std::size_t i = 0; i < count; ++i) owned[i] = Fd(numbers[i]);
    for (std::size_t i = 0; i < count; ++i) descriptors.push_back(above_standard_streams(std::move(owned[i])));
  }
  return got;
}

}  // namespace multiprocessing::detail
