// SPDX-License-Identifier: BSL-1.0
/// \file
/// Small programs inside a test: what they print, and how they end.
#pragma once

#include "support/child.hpp"
#include "support/sanitizer.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <concepts>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <utility>

/// How a program ended: its exit code, or 128 + the signal that killed it, and all that it and its children wrote.
struct Outcome {
  int status = 0;
  std::string out;
  std::string err;

  friend bool operator==(const Outcome&, const Outcome&) = default;
  friend std::ostream& operator<<(std::ostream& stream, const Outcome& outcome) {
    return stream << "status " << outcome.status << "\nout: " << outcome.out << "\nerr: " << outcome.err;
  }
};

/// `text` without the warnings of threads.
inline std::string without_warnings(std::string text) {
  for (std::size_t at; (at = text.find("This process (pid=")) != text.npos;) {
    const std::string prefix = "[WARNING/MainProcess] ";
    if (at >= prefix.size() && text.compare(at - prefix.size(), prefix.size(), prefix) == 0) at -= prefix.size();
    text.erase(at, text.find('\n', at) + 1 - at);
  }
  return text;
}

/// Runs `body` as a program of its own that ends as main() does, by exit(): with all exit handlers.
///
/// So the process of the tests itself starts no Process, and what a first Process opens for good is not left behind
/// here.
template <std::invocable Body>
Outcome run_program(Body body) {
  const auto contents = [](int fd) {
    std::string text;
    char piece[4096];
    ::lseek(fd, 0, SEEK_SET);
    for (ssize_t size; (size = ::read(fd, piece, sizeof piece)) > 0;)
      text.append(piece, static_cast<std::size_t>(size));
    ::close(fd);
    return text;
  };
  const int out = ::memfd_create("out", MFD_CLOEXEC);
  const int err = ::memfd_create("err", MFD_CLOEXEC);
  for (const int fd : {out, err}) ::fcntl(fd, F_SETFL, O_APPEND);  // the position of a memfd is not safe from races
  const pid_t pid = start_child([&] {
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    // The tests' own handlers and statics belong to the tests; those of the body do not depend on them.
    std::signal(SIGABRT, SIG_DFL);
    std::signal(SIGSEGV, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
    std::signal(SIGINT, SIG_DFL);
    body();
    std::exit(0);
  });
  const int status = exit_status(pid);
  Outcome outcome{status, contents(out), contents(err)};
  if (sanitizer_has_thread) outcome.err = without_warnings(outcome.err);
  return outcome;
}
