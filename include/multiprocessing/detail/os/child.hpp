// SPDX-License-Identifier: BSL-1.0
/// \file
/// Child: one child process, from its birth until its exit status is collected.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>
#include <multiprocessing/detail/os/fd.hpp>
#include <multiprocessing/detail/os/lasting_fd.hpp>
#include <multiprocessing/detail/os/pidfd.hpp>
#include <multiprocessing/time.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// The exit code of a child whose status the kernel did not keep for us: SIGCHLD is ignored, or someone else waited
/// for it.
inline constexpr int unknown_exit_code = 255;

/// One child of this process. Any threads may wait for it; its status is collected exactly once, by whichever looks
/// first. Destroying it neither waits nor kills. Only for the process that started it.
class Child {
 public:
  /// `collected` is called once, when the kernel has forgotten the child.
  explicit Child(pid_t pid, Fd pidfd, void (*collected)(Child&) = nullptr, Fd lifeline = Fd())
      : pid_(pid), pidfd_(std::move(pidfd)), lifeline_(std::move(lifeline)), collected_(collected) {}

  pid_t pid() const noexcept { return pid_; }
  /// Readable when the child has ended; -1 where the kernel has no pidfd, or the program has closed it.
  int sentinel() const noexcept { return pidfd_.get(); }

  /// The exit code, or minus the signal that killed it; nothing while it runs.
  std::optional<int> poll();
  /// Waits for its end; returns false when the deadline passed first.
  bool wait(const Deadline& deadline);
  /// Sends a signal unless the child has ended; throws PermissionError if it runs as another user.
  void send(int signal);

  /// The read end of the lifeline that it was given, once its status is collected.
  Fd take_lifeline() { return lifeline_.take(); }

  /// In a process that inherited this object by fork: gives up its descriptors, now to be closed by the caller.
  void abandon(std::vector<int>& unused) noexcept;

 private:
  int wait_id(siginfo_t& info, int flags) const noexcept;

  const pid_t pid_;
  LastingFd pidfd_;
  LastingFd lifeline_;
  void (*const collected_)(Child&);
  std::mutex mutex_;  // held while collecting, never while waiting
  std::optional<int> code_;
};

inline std::optional<int> Child::poll() {
  {
    const std::lock_guard guard(mutex_);
    if (code_) return code_;
    siginfo_t info{};
    if (wait_id(info, WEXITED | WNOHANG) == -1) {
      code_ = unknown_exit_code;  // ECHILD: it ended, and its status went elsewhere
    } else if (info.si_pid == 0) {
      return std::nullopt;
    } else {
      code_ = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
    }
  }
  if (collected_ != nullptr) collected_(*this);
  return code_;
}

inline bool Child::wait(const Deadline& deadline) {
  using std::chrono::milliseconds;
  if (poll()) return true;
  if (deadline.passed()) return false;
  if (deadline.forever()) {
    siginfo_t info{};
    wait_id(info, WEXITED | WNOWAIT);  // the status stays, to be collected by one thread of all that wait
  } else if (const int pidfd = pidfd_.get(); pidfd != -1 && !wait_readable(pidfd, deadline)) {
    return false;
  }
  // One look is enough, except with a deadline and without a pidfd, or while a debugger holds the status back.
  for (milliseconds pause(1); !poll(); pause = std::min(2 * pause, milliseconds(16))) {
    if (deadline.passed()) return false;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(pause, deadline.left()));
  }
  return true;
}

inline void Child::send(int signal) {
  int error = 0;
  {
    // Until the status is collected nobody else can get the id, so the mutex makes kill() by id safe, too.
    const std::lock_guard guard(mutex_);
    if (code_) return;
    error = send_signal(pid_, pidfd_.get(), signal);
  }
  if (error == 0 || error == ESRCH) return;
  // It may just be about to end.
  if (wait(Deadline(std::chrono::milliseconds(100)))) return;
  throw_os_error(error, "sending signal " + std::to_string(signal) + " to process " + std::to_string(pid_));
}

inline void Child::abandon(std::vector<int>& unused) noexcept {
  // Without the mutex: the thread that held it may not exist here.
  if (Fd own = pidfd_.take()) unused.push_back(own.release());
  if (Fd own = lifeline_.take()) unused.push_back(own.release());
}

inline int Child::wait_id(siginfo_t& info, int flags) const noexcept {
  for (;;) {
    const int pidfd = pidfd_.get();
    int result = pidfd != -1 ? ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, flags)
                             : ::waitid(P_PID, static_cast<id_t>(pid_), &info, flags);
    // Another thread may close the pidfd between the two: that says nothing of the child, as ECHILD does.
    if (result == -1 && errno != EINTR && errno != ECHILD) result = ::waitid(P_PID, static_cast<id_t>(pid_), &info, flags);
    if (result != -1 || errno != EINTR) return result;
  }
}

/// Whether it is worth asking each child: one of this process, ours or not, has ended, or none is left.
inline bool any_child_ended() noexcept {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1 || info.si_pid != 0;
}

}  // namespace multiprocessing::detail
