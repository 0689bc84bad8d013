// SPDX-License-Identifier: BSL-1.0
/// \file
/// Lifeline: how the kernel tells children that their parent is gone.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>
#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/fork.hpp>
#include <multiprocessing/detail/os/lasting_fd.hpp>
#include <multiprocessing/detail/os/pipe.hpp>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// A pipe whose write end only the parent holds: when the parent ends, however it ends, each read end is at its end.
///
/// Whom the kernel signals then is a property of the open file, which fork shares. So every child gets a read end
/// that was opened for it (through /proc; where that is missing, of a pipe of its own), and since that costs more
/// than all the rest of a birth, it serves the next child when one has ended. Guarded by the Runtime's mutex.
class Lifeline {
 public:
  /// In the parent: a read end for a child that is to be born.
  Fd take();
  /// In the parent: takes it back when the child has ended, or was not born.
  void give_back(Fd read) noexcept;

  /// In whatever was forked, at once: lets go of the write end, which only the parent may hold; and adds to `unused`
  /// what else it has inherited in vain, now to be closed by the caller.
  void abandon(std::vector<int>& unused) noexcept;

 private:
  static constexpr std::size_t most_free = 8;  // more than so many births at once are rare

  static bool usable(const LastingFd& read) noexcept;
  Fd open_read_end();

  LastingFd read_;                 // of the pipe that serves all; empty where /proc is missing
  std::vector<LastingFd> writes_;  // one, or where /proc is missing one for each read end
  std::vector<LastingFd> free_;    // read ends that no child uses
};

/// In the child: from now on the kernel kills this process when its parent ends, whatever it is doing.
inline void die_with_parent(const Fd& read) noexcept {
  // Signal and O_ASYNC were set when the read end was opened; what makes it this child's is the owner.
  ::fcntl(read.get(), F_SETOWN, ::getpid());
  // A parent that ended before this sent nothing.
  char nothing;
  if (EarlyBound<&::read>::call(read.get(), &nothing, 1) == 0) ::raise(SIGKILL);
}

inline Fd Lifeline::take() {
  while (!free_.empty()) {
    LastingFd read = std::move(free_.back());
    free_.pop_back();
    if (usable(read)) return read.take();
  }
  return open_read_end();
}

// The program may have closed it, or the write end: a child that got it would be killed at once.
inline bool Lifeline::usable(const LastingFd& read) noexcept {
  pollfd end{read.get(), 0, 0};
  return end.fd != -1 && ::poll(&end, 1, 0) == 0;
}

inline void Lifeline::give_back(Fd read) noexcept {
  try {
    if (read && free_.size() < most_free) free_.emplace_back(std::move(read));
  } catch (...) {  // no memory: it is closed, and the next child gets a new one
  }
}

inline void Lifeline::abandon(std::vector<int>& unused) noexcept {
  writes_.clear();
  read_ = LastingFd();
  for (LastingFd& each : free_) {
    if (Fd own = each.take()) unused.push_back(own.release());
  }
  free_.clear();
}

inline Fd Lifeline::open_read_end() {
  if (!usable(read_)) {
    PipeEnds ends = make_pipe();
    writes_.emplace_back(std::move(ends.write));
    read_ = LastingFd(std::move(ends.read));
  }
  char path[32];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", read_.get());
  Fd own = above_standard_streams(Fd(::open(path, O_RDONLY | O_CLOEXEC)));
  if (!own) own = read_.take();
  // SIGKILL, since any other signal may be blocked or handled. PR_SET_PDEATHSIG would kill when the thread ends that
  // forked.
  checked("fcntl(F_SETSIG) on a lifeline", [&] { return ::fcntl(own.get(), F_SETSIG, SIGKILL); });
  checked("fcntl(O_ASYNC) on a lifeline", [&] { return ::fcntl(own.get(), F_SETFL, O_ASYNC | O_NONBLOCK); });
  return own;
}

}  // namespace multiprocessing::detail
