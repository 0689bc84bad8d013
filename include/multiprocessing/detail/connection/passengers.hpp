// SPDX-License-Identifier: BSL-1.0
/// \file
/// Passengers: descriptors that a message names, and that travel with it or are fetched.
#pragma once

#include <multiprocessing/detail/connection/fetch.hpp>
#include <multiprocessing/detail/connection/resource_sharer.hpp>

#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/rights.hpp>
#include <multiprocessing/detail/runtime/runtime.hpp>
#include <multiprocessing/object/object.hpp>
#include <multiprocessing/pickle/errors.hpp>
#include <multiprocessing/time.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// The descriptors of the message that this thread is writing or reading. What sends itself by descriptor finds them
/// here, since a value may hold it at any depth. Where two copies of the library are loaded, a message is written and
/// read by one of them.
///
/// Between two of this library they go along with the message. A Python cannot get them so: its part of the message
/// says where to fetch them. Both forms are an object of Python's `resource_sharer.DupFd`.
class Passengers {
 public:
  Passengers() : outer_(std::exchange(current_, this)) {}
  /// Those of a message to a Python are `fetched`.
  explicit Passengers(bool fetched) : Passengers() { fetched_ = fetched; }
  /// Those that came with a message.
  explicit Passengers(std::vector<Fd> arrived, const Deadline& deadline = Deadline(std::nullopt)) : Passengers() {
    arrived_ = std::move(arrived);
    deadline_ = deadline;
  }
  Passengers(const Passengers&) = delete;
  Passengers& operator=(const Passengers&) = delete;
  ~Passengers() {
    current_ = outer_;
    if (!shared_.empty()) ResourceSharer::own().withdraw(shared_);
  }

  /// Those of this thread; throws where no Connection sends or receives.
  static Passengers& current() {
    if (current_ == nullptr)
      throw PicklingError(
          "a Connection or DupFd crosses to another process only by send() and recv() of a Connection over a Unix "
          "socket");
    return *current_;
  }

  /// Takes `fd`, which stays its owner's, along; returns what the message names it by.
  object board(int fd) {
    if (fetched_) {
      const SharedId id = ResourceSharer::own().share(fd);
      shared_.push_back(id.key);
      return id.as_dup_fd();
    }
    return SharedId{None, static_cast<long>(number_of(fd))}.as_dup_fd();
  }
  const std::vector<int>& leaving() const { return leaving_; }
  /// The keys of those that are to be fetched, once the message is on its way.
  std::vector<long> depart() { return std::exchange(shared_, {}); }

  /// Hands the one that the message names so to whom it is for; once.
  static Fd alight(const object& dup_fd) {
    const SharedId id = SharedId::of(dup_fd);
    if (!id.where.is<std::nullptr_t>())
      return fetch(id, *own_authkey(), current_ == nullptr ? Deadline(std::nullopt) : current_->deadline_);
    auto& arrived = current().arrived_;
    if (id.key < 0 || static_cast<std::size_t>(id.key) >= arrived.size() || !arrived[static_cast<std::size_t>(id.key)])
      throw UnpicklingError("descriptor " + std::to_string(id.key) + " did not come with the message", 0);
    return std::move(arrived[static_cast<std::size_t>(id.key)]);
  }

 private:
  std::size_t number_of(int fd) {
    const auto known = std::find(leaving_.begin(), leaving_.end(), fd);
    if (known != leaving_.end()) return static_cast<std::size_t>(known - leaving_.begin());
    if (leaving_.size() == most_descriptors)
      throw PicklingError("send: more than " + std::to_string(most_descriptors) + " descriptors in one message");
    leaving_.push_back(fd);
    return leaving_.size() - 1;
  }

  static inline thread_local constinit Passengers* current_ = nullptr;

  Passengers* outer_;
  bool fetched_ = false;
  std::vector<int> leaving_;
  std::vector<long> shared_;
  std::vector<Fd> arrived_;
  Deadline deadline_{std::nullopt};  // for those that are to be fetched
};

}  // namespace multiprocessing::detail
