// SPDX-License-Identifier: BSL-1.0
/// \file
/// LastingFd: a descriptor kept while the program's own code runs, which may close all there are.
#pragma once

#include <multiprocessing/detail/os/fd.hpp>

#include <sys/stat.h>

#include <utility>

namespace multiprocessing::detail {

/// Owns a descriptor as long as its number means the file that it was given. A program that closes all descriptors, as
/// daemons do, takes it away; whatever then gets the number is the program's, and is neither used nor closed.
///
/// A file is known by device and inode: each pipe has its own, and each process whose pidfds these are (since Linux
/// 6.9; before, a pidfd cannot be told from that of another process). Cost: a fstat for each use.
class LastingFd {
 public:
  LastingFd() = default;
  explicit LastingFd(Fd fd) noexcept : fd_(std::move(fd)) {
    struct stat file;
    if (!fd_ || ::fstat(fd_.get(), &file) != 0) return;
    device_ = file.st_dev;
    inode_ = file.st_ino;
  }
  LastingFd(LastingFd&&) noexcept = default;
  LastingFd& operator=(LastingFd other) noexcept {
    // The program has closed mine, and the same file, such as a process waited for anew, was given its number.
    if (other.fd_.get() == fd_.get()) static_cast<void>(fd_.release());
    std::swap(fd_, other.fd_);
    std::swap(device_, other.device_);
    std::swap(inode_, other.inode_);
    return *this;
  }
  ~LastingFd() { take().reset(); }

  /// The number; -1 for none, and once it means another file.
  int get() const noexcept {
    struct stat file;
    const bool same = fd_ && ::fstat(fd_.get(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_;
    return same ? fd_.get() : -1;
  }
  explicit operator bool() const noexcept { return get() != -1; }

  /// Gives up the descriptor; an empty one when it was taken away.
  Fd take() noexcept {
    const int number = get();
    static_cast<void>(fd_.release());
    return Fd(number);
  }

 private:
  Fd fd_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace multiprocessing::detail
