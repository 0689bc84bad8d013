// SPDX-License-Identifier: BSL-1.0
/// \file
/// Fd: the owner of one file descriptor.
#pragma once

#include <unistd.h>

#include <utility>

namespace multiprocessing::detail {

/// Owns one file descriptor; -1 means none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ != -1) ::close(fd_);  // nothing to do on failure: the descriptor is gone either way
  }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ != -1; }
  void reset() noexcept { *this = Fd(); }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace multiprocessing::detail
