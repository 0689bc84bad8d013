// SPDX-License-Identifier: BSL-1.0
/// \file
/// The signals that the library sends, and their names.
#pragma once

#include <csignal>
#include <cstring>
#include <string>

namespace multiprocessing::detail {

inline constexpr int terminate_signal = SIGTERM;
inline constexpr int kill_signal = SIGKILL;
inline constexpr int interrupt_signal = SIGINT;

/// "SIGTERM" for 15; empty for a number that has no name.
inline std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name == nullptr ? std::string() : std::string("SIG") + name;
}

/// As long as it lives, this thread takes no signals, nor do the threads that it starts, ever.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
  ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace multiprocessing::detail
