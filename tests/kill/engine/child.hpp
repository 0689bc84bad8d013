// SPDX-License-Identifier: BSL-1.0
/// \file
/// Child: a forked process that never outlives its owner.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <concepts>
#include <cstdio>
#include <exception>
#include <optional>
#include <system_error>
#include <utility>

namespace kill_test {

/// Exit code of a child whose function threw.
inline constexpr int exit_threw = 70;

/// Owns one forked process: it is killed and reaped when the owner goes, and by the kernel if the owner is killed.
class Child {
 public:
  /// Runs `function` in a new process, which then ends by _exit(0).
  template <std::invocable Function>
  explicit Child(Function&& function) {
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == -1) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) ::_exit(0);  // the parent ended before the line above
      ::_exit(run(function));
    }
  }
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)), status_(std::exchange(other.status_, {})) {}
  Child& operator=(Child&& other) noexcept {
    if (this != &other) {
      kill();
      pid_ = std::exchange(other.pid_, 0);
      status_ = std::exchange(other.status_, {});
    }
    return *this;
  }
  ~Child() { kill(); }

  pid_t pid() const noexcept { return pid_; }

  void signal(int number) const noexcept {
    if (!status_) ::kill(pid_, number);
  }

  /// The status of waitpid once the process has ended.
  std::optional<int> ended() noexcept {
    int status = 0;
    if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_ && !WIFSTOPPED(status)) status_ = status;
    return status_;
  }

  /// Whether it ended by itself and not with exit code 0.
  bool failed() noexcept {
    const std::optional<int> status = ended();
    return status && (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0);
  }

  /// Kills it, if it still runs, and reaps it.
  void kill() noexcept {
    if (pid_ == 0 || status_) return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) == pid_ && WIFSTOPPED(status)) {  // a traced one may report a last stop first
    }
    status_ = status;
  }

  /// Remembers a status that somebody else took from waitpid.
  void reaped(int status) noexcept { status_ = status; }

 private:
  template <class Function>
  static int run(Function& function) noexcept {
    try {
      function();
      return 0;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "process %d threw: %s\n", static_cast<int>(::getpid()), error.what());
    }
    return exit_threw;
  }

  pid_t pid_ = 0;
  std::optional<int> status_;
};

/// For a process whose end by abort is what the harness looks for: its last words would look like a failure.
inline void silence_errors() {
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere == -1) return;
  ::dup2(nowhere, STDERR_FILENO);
  ::close(nowhere);
}

}  // namespace kill_test
