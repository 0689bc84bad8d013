// SPDX-License-Identifier: BSL-1.0
/// \file
/// Passengers: descriptors that travel with a message, which names them by number.
#pragma once

#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/rights.hpp>
#include <multiprocessing/pickle/errors.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// The descriptors of the message that this thread is writing or reading. What sends itself by descriptor finds them
/// here, since a value may hold it at any depth. Where two copies of the library are loaded, a message is written and
/// read by one of them.
class Passengers {
 public:
  Passengers() : outer_(std::exchange(current_, this)) {}
  /// Those that came with a message.
  explicit Passengers(std::vector<Fd> arrived) : Passengers() { arrived_ = std::move(arrived); }
  Passengers(const Passengers&) = delete;
  Passengers& operator=(const Passengers&) = delete;
  ~Passengers() { current_ = outer_; }

  /// Those of this thread; throws where no Connection sends or receives.
  static Passengers& current() {
    if (current_ == nullptr)
      throw PicklingError(
          "a Connection or DupFd crosses to another process only by send() and recv() of a Connection over a Unix "
          "socket");
    return *current_;
  }

  /// Takes `fd`, which stays its owner's, along; returns its number.
  std::size_t board(int fd) {
    const auto known = std::find(leaving_.begin(), leaving_.end(), fd);
    if (known != leaving_.end()) return static_cast<std::size_t>(known - leaving_.begin());
    if (leaving_.size() == most_descriptors)
      throw PicklingError("send: more than " + std::to_string(most_descriptors) + " descriptors in one message");
    leaving_.push_back(fd);
    return leaving_.size() - 1;
  }
  const std::vector<int>& leaving() const { return leaving_; }

  /// Hands number `index` to whom the message names; once.
  Fd alight(std::size_t index) {
    if (index >= arrived_.size() || !arrived_[index])
      throw UnpicklingError("descriptor " + std::to_string(index) + " did not come with the message", 0);
    return std::move(arrived_[index]);
  }

 private:
  static inline thread_local constinit Passengers* current_ = nullptr;

  Passengers* outer_;
  std::vector<int> leaving_;
  std::vector<Fd> arrived_;
};

}  // namespace multiprocessing::detail
