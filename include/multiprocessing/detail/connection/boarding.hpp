// SPDX-License-Identifier: BSL-1.0
/// \file
/// How a descriptor gets into a message and out of it, from and to a Python as well.
#pragma once

#include <multiprocessing/detail/connection/fetch.hpp>
#include <multiprocessing/detail/connection/passengers.hpp>
#include <multiprocessing/detail/connection/resource_sharer.hpp>
#include <multiprocessing/detail/connection/shared_id.hpp>

#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/runtime/runtime.hpp>
#include <multiprocessing/object/object.hpp>
#include <multiprocessing/time.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// The passengers of a message that is sent. To one of this library they go along with it. A Python cannot get them so: its
/// part of the message says where to fetch them. Both forms are an object of Python's `resource_sharer.DupFd`.
class Departure {
 public:
  explicit Departure(bool to_python) {
    if (to_python) passengers_.shared = &keys_;
  }
  Departure(const Departure&) = delete;
  Departure& operator=(const Departure&) = delete;
  /// What has not left is shared no longer.
  ~Departure() {
    if (!keys_.empty()) ResourceSharer::own().withdraw(keys_);
  }

  const std::vector<int>& leaving() const { return passengers_.leaving(); }
  /// The keys of those that are to be fetched, once the message is on its way.
  std::vector<long> depart() { return std::exchange(keys_, {}); }

 private:
  std::vector<long> keys_;
  Passengers passengers_;
};

/// Takes `fd`, which stays its owner's, along; returns what the message names it by. A template for the reason that
/// ResourceSharer has, and so is each reduce() that calls it.
template <class = void>
object board(int fd) {
  Passengers& passengers = Passengers::current();
  if (passengers.shared == nullptr) return SharedId{None, static_cast<long>(passengers.board(fd))}.as_dup_fd();
  const SharedId id = ResourceSharer::own().share(fd);
  passengers.shared->push_back(id.key);
  return id.as_dup_fd();
}

/// Hands the one that the message names so to whom it is for; once.
inline Fd alight(const object& dup_fd) {
  const SharedId id = SharedId::of(dup_fd);
  if (id.where.is<std::nullptr_t>()) return Passengers::current().alight(id.key);
  const Passengers* const passengers = Passengers::find();
  return fetch(id, *own_authkey(), passengers == nullptr ? Deadline(std::nullopt) : passengers->deadline());
}

}  // namespace multiprocessing::detail
