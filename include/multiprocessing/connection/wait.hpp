// SPDX-License-Identifier: BSL-1.0
/// \file
/// wait: which of several Connections, processes, sockets and descriptors are ready.
#pragma once

#include <multiprocessing/connection/connection.hpp>

#include <multiprocessing/detail/os/poll.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/time.hpp>

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <ranges>
#include <string>
#include <type_traits>
#include <vector>

namespace multiprocessing {

namespace connection {

/// What can be waited for: a Connection, anything else with a `fileno()` or `native_handle()` that is a descriptor, or
/// a descriptor itself, of which a Process's `sentinel()` is one. It does not own it.
class Waitable {
 public:
  template <std::same_as<int> Descriptor>
  Waitable(Descriptor fd) : fd_(fd) {}
  template <class Object>
  requires requires(const Object& object) {
    { object.fileno() } -> std::same_as<int>;
  }
  Waitable(const Object& object) : fd_(object.fileno()) {}
  template <class Object>
  requires requires(Object& object) {
    { object.native_handle() } -> std::same_as<int>;
  }
  Waitable(Object& object) : fd_(object.native_handle()) {}

  int fileno() const { return fd_; }
  /// Whether both have one descriptor: `if (ready == connection)`.
  friend bool operator==(Waitable a, Waitable b) { return a.fd_ == b.fd_; }

 private:
  int fd_;
};

}  // namespace connection

namespace detail {

inline std::vector<bool> ready_of(const std::vector<connection::Waitable>& objects, Timeout timeout) {
  std::vector<bool> is_ready(objects.size());
  if (objects.empty()) return is_ready;
  PollSet all;
  for (const auto& each : objects) {
    if (each.fileno() < 0) throw ValueError("wait: invalid file descriptor " + std::to_string(each.fileno()));
    all.add(each.fileno());  // the kernel would pass over what is negative
  }
  if (all.wait(Deadline(timeout)) == 0) return is_ready;
  for (std::size_t i = 0; i < objects.size(); ++i) is_ready[i] = all.is_ready(i);
  return is_ready;
}

}  // namespace detail

namespace connection {

/// Waits until at least one of them can be received from, has ended, or `timeout` has passed; returns all that are
/// ready, in their order. Throws OSError for what is closed, ValueError for a negative descriptor.
inline std::vector<Waitable> wait(std::initializer_list<Waitable> objects, Timeout timeout = std::nullopt) {
  const std::vector<bool> is_ready = detail::ready_of({objects.begin(), objects.end()}, timeout);
  std::vector<Waitable> ready;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (is_ready[i]) ready.push_back(objects.begin()[i]);
  }
  return ready;
}

/// The same for a whole container; returns pointers to those of its elements that are ready. Elements that are pointers
/// themselves, descriptors or Waitables are returned as they are.
template <std::ranges::forward_range Range>
  requires std::is_lvalue_reference_v<std::ranges::range_reference_t<Range&>>
auto wait(Range& objects, Timeout timeout = std::nullopt) {
  using Object = std::remove_reference_t<std::ranges::range_reference_t<Range&>>;
  using Plain = std::remove_const_t<Object>;
  constexpr bool by_value = std::is_pointer_v<Plain> || std::same_as<Plain, int> || std::same_as<Plain, Waitable>;
  std::vector<Waitable> waitables;
  for (Object& each : objects) {
    if constexpr (std::is_pointer_v<Plain>) {
      waitables.emplace_back(*each);
    } else {
      waitables.emplace_back(each);
    }
  }
  const std::vector<bool> is_ready = detail::ready_of(waitables, timeout);
  std::vector<std::conditional_t<by_value, Plain, Object*>> ready;
  std::size_t index = 0;
  for (Object& each : objects) {
    if (!is_ready[index++]) continue;
    if constexpr (by_value) {
      ready.push_back(each);
    } else {
      ready.push_back(std::addressof(each));
    }
  }
  return ready;
}

}  // namespace connection

}  // namespace multiprocessing
