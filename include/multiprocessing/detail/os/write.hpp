// SPDX-License-Identifier: BSL-1.0
/// \file
/// Writing a whole text to a descriptor, and to standard output in order with stdio.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <string_view>

namespace multiprocessing::detail {

/// Turns SIGPIPE into plain EPIPE for this thread while it lives, whatever the program does with that signal.
class SigpipeHeld {
 public:
  SigpipeHeld() noexcept {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  SigpipeHeld(const SigpipeHeld&) = delete;
  SigpipeHeld& operator=(const SigpipeHeld&) = delete;
  ~SigpipeHeld() {
    if (broken_ && ::sigismember(&before_, SIGPIPE) == 0) {
      const timespec now{};
      while (::sigtimedwait(&pipe_, nullptr, &now) == -1 && errno == EINTR) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  /// A write failed with EPIPE: the signal that came with it is ours to take back.
  void broken() noexcept { broken_ = true; }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool broken_ = false;
};

/// Keeps other threads out of a stdio stream.
class StdioLock {
 public:
  explicit StdioLock(std::FILE* file) noexcept : file_(file) { ::flockfile(file_); }
  StdioLock(const StdioLock&) = delete;
  StdioLock& operator=(const StdioLock&) = delete;
  ~StdioLock() { ::funlockfile(file_); }

 private:
  std::FILE* file_;
};

/// Writes all of `text`, in one call unless the kernel takes it in parts; returns 0 or the error. A descriptor that
/// someone made non-blocking is waited for.
inline int write_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd ready{fd, POLLOUT, 0};
      ::poll(&ready, 1, -1);  // interrupted or failed: the next write tells
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

/// Writes `text` to standard output after everything that stdio still holds. `flush` first brings there what others
/// hold; it and the flush of stdio return 0, or leave the reason in errno. Throws OSError.
template <std::invocable Flush>
void write_stdout(std::string_view text, Flush flush) {
  const auto error_of = [](auto call) {
    for (;;) {
      errno = 0;
      if (call() == 0) return 0;
      if (errno != EINTR) return errno == 0 ? EIO : errno;
    }
  };
  int error = 0;
  {
    SigpipeHeld pipe;
    StdioLock lock(stdout);
    error = error_of(flush);
    if (error == 0) error = error_of([] { return std::fflush(stdout); });
    if (error == 0) error = write_all(::fileno(stdout), text);
    if (error == EPIPE) pipe.broken();
  }
  if (error != 0) throw_os_error(error, "print: cannot write to standard output");
}

}  // namespace multiprocessing::detail
