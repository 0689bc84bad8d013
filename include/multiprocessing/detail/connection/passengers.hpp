// SPDX-License-Identifier: BSL-1.0
/// \file
/// Passengers: descriptors that a message names.
#pragma once

#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/rights.hpp>
#include <multiprocessing/pickle/errors.hpp>
#include <multiprocessing/time.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// The descriptors of the message that this thread is writing or reading. What sends itself by descriptor finds them
/// here, since a value may hold it at any depth: see shared_id.hpp. Where two copies of the library are loaded, a message is
/// written and read by one of them.
class Passengers {
 public:
  Passengers() : outer_(std::exchange(current_, this)) {}
  /// Those that came with a message; what others share is fetched by `deadline`.
  explicit Passengers(std::vector<Fd> arrived, const Deadline& deadline = Deadline(std::nullopt)) : Passengers() {
    arrived_ = std::move(arrived);
    deadline_ = deadline;
  }
  Passengers(const Passengers&) = delete;
  Passengers& operator=(const Passengers&) = delete;
  ~Passengers() { current_ = outer_; }

  /// Those of this thread; nullptr where no Connection sends or receives.
  static Passengers* find() noexcept { return current_; }
  /// The same; throws where there are none.
  static Passengers& current() {
    if (current_ == nullptr)
      throw PicklingError(
          "a Connection or DupFd crosses to another process only by send() and recv() of a Connection over a Unix "
          "socket");
    return *current_;
  }

  /// Takes `fd`, which stays its owner's, along; returns its number in the message.
  std::size_t board(int fd) {
    const auto known = std::find(leaving_.begin(), leaving_.end(), fd);
    if (known != leaving_.end()) return static_cast<std::size_t>(known - leaving_.begin());
    if (leaving_.size() == most_descriptors)
      throw PicklingError("send: more than " + std::to_string(most_descriptors) + " descriptors in one message");
    leaving_.push_back(fd);
    return leaving_.size() - 1;
  }
  const std::vector<int>& leaving() const { return leaving_; }

  /// Hands the one with that number to whom it is for; once.
  Fd alight(long number) {
    if (number < 0 || static_cast<std::size_t>(number) >= arrived_.size() || !arrived_[static_cast<std::size_t>(number)])
      throw UnpicklingError("descriptor " + std::to_string(number) + " did not come with the message", 0);
    return std::move(arrived_[static_cast<std::size_t>(number)]);
  }
  const Deadline& deadline() const { return deadline_; }

  /// Those of a message to a Python are shared until they are fetched, and this is where their keys are noted; else nullptr.
  std::vector<long>* shared = nullptr;

 private:
  static inline thread_local constinit Passengers* current_ = nullptr;

  Passengers* outer_;
  std::vector<int> leaving_;
  std::vector<Fd> arrived_;
  Deadline deadline_{std::nullopt};
};

}  // namespace multiprocessing::detail
