// SPDX-License-Identifier: BSL-1.0
/// \file
/// Children that wait for something, are seen to sleep, and are killed: for tests of who is woken, and who is not forgotten.
#pragma once

#include "support/catch.hpp"
#include "support/child.hpp"

#include <sys/types.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

/// Whether the thread with this id sleeps in the kernel.
inline bool is_asleep(pid_t thread) {
  std::ifstream stat("/proc/" + std::to_string(thread) + "/stat");
  std::string text;
  std::getline(stat, text);
  const auto end = text.rfind(')');
  return end != std::string::npos && text.size() > end + 2 && text[end + 2] == 'S';
}

/// A child that must be waited for; killed if the test forgets it.
class Child {
 public:
  template <std::invocable Body>
  explicit Child(Body body) : pid_(start_child(std::move(body))) {}
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ != 0) kill();
  }

  pid_t pid() const { return pid_; }
  /// Returns this child when it sleeps.
  Child& asleep() {
    REQUIRE(wait_until([this] { return is_asleep(pid_); }));
    return *this;
  }
  /// Its exit status, when it has ended by itself.
  int join() { return exit_status(std::exchange(pid_, 0)); }
  int kill() {
    ::kill(pid_, SIGKILL);
    return join();
  }

 private:
  pid_t pid_;
};

inline constexpr int killed = 128 + SIGKILL;

[[noreturn]] inline void kill_myself() {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

/// The text that `<<` writes.
template <class T>
std::string text_of(const T& object) {
  std::ostringstream out;
  out << object;
  return out.str();
}
