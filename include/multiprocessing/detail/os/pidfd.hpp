// SPDX-License-Identifier: BSL-1.0
/// \file
/// A process as a descriptor: what is waited for and signalled through it is never another process with a reused id.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>
#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/liveness.hpp>
#include <multiprocessing/detail/os/pipe.hpp>
#include <multiprocessing/time.hpp>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>
#include <utility>

namespace multiprocessing::detail {

/// Readable once process `pid` has ended. Empty where the kernel gives none (before 5.3, or no descriptor is left):
/// then wait by waitid.
inline Fd open_pidfd(pid_t pid) {
  const long fd = ::syscall(SYS_pidfd_open, pid, 0);
  return fd == -1 ? Fd() : above_standard_streams(Fd(static_cast<int>(fd)));
}

/// Readable once the process has ended that had the id `pid` when this one was born. Throws OSError where there is no
/// descriptor.
inline Fd open_pidfd_of_elder(pid_t pid) {
  Fd elder = open_pidfd(pid);
  const int error = errno;
  const bool gone =
      elder ? start_time(pid) > start_time(::getpid()) : error == ESRCH || error == EINVAL || error == ENOENT;
  if (gone) return make_pipe().read;  // the id may be another's by now; a pipe is at its end
  if (!elder) throw_os_error(error, "pidfd_open of process " + std::to_string(pid));
  return elder;
}

/// Sends `signal` to the process, by its id where `pidfd` is -1; returns 0 or the error.
inline int send_signal(pid_t pid, int pidfd, int signal) noexcept {
  const long result = pidfd != -1 ? ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0)
                                  : static_cast<long>(::kill(pid, signal));
  return result == 0 ? 0 : errno;
}

/// Waits until `fd` is readable or at its end; returns false when the deadline passed first.
inline bool wait_readable(int fd, const Deadline& deadline) noexcept {
  for (;;) {
    pollfd wanted{fd, POLLIN, 0};
    timespec left{};
    if (!deadline.forever()) {
      const auto nanoseconds = deadline.left();
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(nanoseconds);
      left = {static_cast<time_t>(seconds.count()), static_cast<long>((nanoseconds - seconds).count())};
    }
    const int ready = ::ppoll(&wanted, 1, deadline.forever() ? nullptr : &left, nullptr);
    if (ready > 0) return true;
    if (ready == 0 && deadline.passed()) return false;
    if (ready == -1 && errno != EINTR && errno != ENOMEM) return true;  // no such descriptor: nothing to wait for
  }
}

}  // namespace multiprocessing::detail
