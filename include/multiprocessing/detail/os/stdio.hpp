// SPDX-License-Identifier: BSL-1.0
/// \file
/// The standard streams at a birth and at an end: what is buffered is written once, and a child reads nothing.
#pragma once

#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/fork.hpp>
#include <multiprocessing/detail/os/pipe.hpp>
#include <multiprocessing/detail/os/write.hpp>

#include <fcntl.h>
#include <stdio_ext.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <ext/stdio_filebuf.h>
#include <ext/stdio_sync_filebuf.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <iostream>
#include <optional>
#include <streambuf>
#include <string_view>
#include <typeinfo>

namespace multiprocessing::detail {

/// Reads what a stream's buffer keeps to itself.
template <class Char>
struct BufferView : std::basic_streambuf<Char> {
  using Buffer = std::basic_streambuf<Char>;
  static bool has_output(Buffer& buffer) { return (buffer.*&BufferView::pptr)() != (buffer.*&BufferView::pbase)(); }
  static void drop_input(Buffer& buffer) {
    (buffer.*&BufferView::gbump)(static_cast<int>((buffer.*&BufferView::egptr)() - (buffer.*&BufferView::gptr)()));
  }
};

/// Whether a stream of C++ may hold text itself. As the library makes them they pass everything on to C's stream, or
/// have a buffer that can be looked into; of any other buffer nothing is known.
template <class Char>
bool may_hold_output(const std::basic_ostream<Char>& stream) {
  auto* const buffer = stream.rdbuf();
  if (buffer == nullptr) return false;
  const std::type_info& type = typeid(*buffer);
  if (type == typeid(__gnu_cxx::stdio_sync_filebuf<Char>)) return false;
  return type != typeid(__gnu_cxx::stdio_filebuf<Char>) || BufferView<Char>::has_output(*buffer);
}

/// Writes what stdout and stderr hold, those of C and those of C++. Errors are swallowed, a pipe that nobody reads
/// among them: nobody could be told, and a process must start and end all the same.
///
/// Only these: to flush every stream of C would wait for a thread that reads one of them. And only what holds
/// something: to call flush() in a child that has never done so is a dozen page faults.
inline void flush_standard_streams() noexcept {
  std::optional<SigpipeHeld> pipe;
  const auto flush = [&](auto& stream) noexcept {
    if (!may_hold_output(stream)) return;
    if (!pipe) pipe.emplace();
    try {
      if (!stream.flush()) pipe->broken();
    } catch (...) {  // the program asked the stream for exceptions
      pipe->broken();
    }
  };
  flush(std::cout);
  flush(std::clog);
  flush(std::wcout);
  flush(std::wclog);
  for (std::FILE* const file : {stdout, stderr}) {
    if (::__fpending(file) == 0) continue;
    if (!pipe) pipe.emplace();
    if (std::fflush(file) != 0) pipe->broken();
  }
}

/// A descriptor of /dev/null, kept until the program closes it, and then opened again; -1 while there is none.
inline int null_device() {
  static std::atomic<int> kept = -1;
  const dev_t null = ::makedev(1, 3);
  int fd = kept;
  struct stat file;
  if (fd != -1 && ::fstat(fd, &file) == 0 && S_ISCHR(file.st_mode) && file.st_rdev == null) return fd;
  Fd opened = above_standard_streams(Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
  return kept.compare_exchange_strong(fd, opened.get()) ? opened.release() : fd;
}

/// Puts `fd` in the place of stdin, and forgets what was read ahead: it belongs to the parent. With -1 stdin is closed.
inline void replace_stdin(int fd) noexcept {
  if (fd == -1) {
    ::close(STDIN_FILENO);
  } else {
    EarlyBound<&::dup2>::call(fd, STDIN_FILENO);
  }
  if (EarlyBound<&::__fbufsize>::call(stdin) != 0) ::__fpurge(stdin);
  auto* const buffer = std::cin.rdbuf();
  if (buffer == nullptr || typeid(*buffer) == typeid(__gnu_cxx::stdio_sync_filebuf<char>)) return;
  if (typeid(*buffer) == typeid(__gnu_cxx::stdio_filebuf<char>)) BufferView<char>::drop_input(*buffer);
}

/// Writes `text` to stderr as it is, in one call unless the kernel takes it in parts. Errors are swallowed.
inline void write_to_stderr(std::string_view text) noexcept {
  SigpipeHeld pipe;
  if (write_all(STDERR_FILENO, text) == EPIPE) pipe.broken();
}

}  // namespace multiprocessing::detail
