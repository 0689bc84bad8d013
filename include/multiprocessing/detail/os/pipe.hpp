// SPDX-License-Identifier: BSL-1.0
/// \file
/// A pipe that is not inherited by programs that this process executes.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>
#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/fork.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// The same open file under a number that is not 0, 1 or 2: a program that closed its standard streams gives those
/// numbers to whoever opens next, and a child replaces its stdin.
inline Fd above_standard_streams(Fd fd) {
  if (!fd || fd.get() > STDERR_FILENO) return fd;
  return Fd(checked("fcntl(F_DUPFD_CLOEXEC)", [&] { return ::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1); }));
}

/// Closes them all. Neighbours go in one system call: a child may inherit hundreds, which were opened one after
/// another.
inline void close_all(std::vector<int>& fds) noexcept {
  std::sort(fds.begin(), fds.end());
  for (auto first = fds.begin(); first != fds.end();) {
    auto last = first;
    while (last + 1 != fds.end() && *(last + 1) == *last + 1) ++last;
    if (EarlyBound<&::close_range>::call(static_cast<unsigned>(*first), static_cast<unsigned>(*last), 0) != 0) {
      for (int fd = *first; fd <= *last; ++fd) ::close(fd);  // kernels before 5.9
    }
    first = last + 1;
  }
  fds.clear();
}

struct PipeEnds {
  Fd read;
  Fd write;
};

inline PipeEnds make_pipe() {
  int ends[2];
  checked("pipe2", [&] { return ::pipe2(ends, O_CLOEXEC); });
  Fd read(ends[0]);
  Fd write(ends[1]);
  return {above_standard_streams(std::move(read)), above_standard_streams(std::move(write))};
}

}  // namespace multiprocessing::detail
