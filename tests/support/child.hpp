// SPDX-License-Identifier: BSL-1.0
/// \file
/// Bare children for tests of what must also hold without a Process, and waiting without sleeping.
#pragma once

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <concepts>
#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

/// What a child exits with when its function threw; the text is on stderr.
inline constexpr int threw = 99;

/// Forks a child that runs `body` and ends in `_exit`, never in Catch2; returns its pid. The exit code is 0 after a
/// void body, what an int body returns, and 0 for true and 1 for false. A child that hangs is ended by SIGALRM.
template <std::invocable Body>
pid_t start_child(Body body, std::chrono::seconds limit = std::chrono::seconds(30)) {
  std::fflush(nullptr);  // else the child would hold a second copy of what is buffered
  const pid_t pid = ::fork();
  if (pid == -1) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid != 0) return pid;

  std::signal(SIGALRM, SIG_DFL);
  ::alarm(static_cast<unsigned>(limit.count()));
  int code = 0;
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<Body&>>) {
      std::invoke(body);
    } else if constexpr (std::same_as<std::invoke_result_t<Body&>, bool>) {
      code = std::invoke(body) ? 0 : 1;
    } else {
      code = std::invoke(body);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "a child threw: %s\n", error.what());
    code = threw;
  } catch (...) {
    std::fprintf(stderr, "a child threw something that is no std::exception\n");
    code = threw;
  }
  std::fflush(nullptr);
  ::_exit(code);
}

/// Waits for the child to end; returns its exit code, or 128 + the signal that killed it.
inline int exit_status(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) == -1) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "waitpid");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Runs `body` in a child and waits for it; returns as exit_status() does.
template <std::invocable Body>
int in_child(Body body, std::chrono::seconds limit = std::chrono::seconds(30)) {
  return exit_status(start_child(std::move(body), limit));
}

/// Polls until `done()` or until `limit` has passed; returns whether it became true. For what no call can wait for:
/// another process's state.
template <std::predicate Predicate>
bool wait_until(Predicate done, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}
