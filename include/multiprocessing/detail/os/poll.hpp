// SPDX-License-Identifier: BSL-1.0
/// \file
/// Waiting for several descriptors at once.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>
#include <multiprocessing/time.hpp>

#include <poll.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <string>
#include <vector>

namespace multiprocessing::detail {

enum class Ready { to_read, to_write };

/// Descriptors to wait for. An end, an error and a peer that is gone count as ready, since the next call then says
/// which.
class PollSet {
 public:
  void clear() { wanted_.clear(); }
  void add(int fd, Ready ready = Ready::to_read) {
    wanted_.push_back({fd, static_cast<short>(ready == Ready::to_read ? POLLIN : POLLOUT), 0});
  }

  /// Waits until one is ready or the deadline has passed; returns how many are. Throws OSError when one is not open.
  std::size_t wait(const Deadline& deadline);

  /// Whether the one that was added as number `index` is ready.
  bool is_ready(std::size_t index) const { return wanted_[index].revents != 0; }

 private:
  std::vector<pollfd> wanted_;
};

inline std::size_t PollSet::wait(const Deadline& deadline) {
  for (;;) {
    timespec left{};
    if (!deadline.forever()) {
      const auto nanoseconds = deadline.left();
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(nanoseconds);
      left = {static_cast<std::time_t>(seconds.count()), static_cast<long>((nanoseconds - seconds).count())};
    }
    const int ready = ::ppoll(wanted_.data(), wanted_.size(), deadline.forever() ? nullptr : &left, nullptr);
    if (ready == -1 && errno != EINTR && errno != EAGAIN) throw_os_error(errno, "wait: ppoll");
    for (const pollfd& each : wanted_) {
      if (ready > 0 && (each.revents & POLLNVAL) != 0)
        throw_os_error(EBADF, "wait: descriptor " + std::to_string(each.fd) + " is not open");
    }
    if (ready > 0) return static_cast<std::size_t>(ready);
    if (deadline.passed()) return 0;
  }
}

/// Waits for one descriptor; returns false when the deadline passed first.
inline bool wait_for(int fd, Ready ready, const Deadline& deadline) {
  PollSet one;
  one.add(fd, ready);
  return one.wait(deadline) != 0;
}

}  // namespace multiprocessing::detail
