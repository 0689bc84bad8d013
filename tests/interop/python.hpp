// SPDX-License-Identifier: BSL-1.0
/// \file
/// A Python interpreter on the other end of two pipes.
#pragma once

#include "support/catch.hpp"
#include "support/child.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// python3, and every interpreter that MULTIPROCESSING_TEST_PYTHONS names, separated by colons.
inline std::vector<std::string> pythons() {
  std::vector<std::string> all{"python3"};
  const char* const named = std::getenv("MULTIPROCESSING_TEST_PYTHONS");
  std::istringstream names(named == nullptr ? "" : named);
  for (std::string name; std::getline(names, name, ':');) {
    if (!name.empty()) all.push_back(name);
  }
  return all;
}

/// A script that runs; frames of four bytes of length and their content go to it and come from it.
class Python {
 public:
  Python(const std::string& interpreter, std::vector<std::string> arguments) {
    std::signal(SIGPIPE, SIG_IGN);  // a script that failed is an exception here, not the end of the test
    int to[2], from[2];
    if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    pid_ = start_child(
        [&] {
          ::dup2(to[0], STDIN_FILENO);
          ::dup2(from[1], STDOUT_FILENO);
          arguments.insert(arguments.begin(), {interpreter, "-B"});  // no .pyc beside the sources
          std::vector<char*> argv;
          for (auto& argument : arguments) argv.push_back(argument.data());
          argv.push_back(nullptr);
          ::execvp(argv[0], argv.data());
          return 127;
        },
        std::chrono::seconds(60));
    ::close(to[0]);
    ::close(from[1]);
    to_ = to[1];
    from_ = from[0];
  }
  Python(const Python&) = delete;
  ~Python() {
    if (pid_ != 0) end();
  }

  /// Closes both pipes and returns the exit status.
  int end() {
    ::close(to_);
    ::close(from_);
    return exit_status(std::exchange(pid_, 0));
  }

  void write_frame(std::string_view body) {
    const auto size = static_cast<std::uint32_t>(body.size());
    std::string frame(reinterpret_cast<const char*>(&size), sizeof size);
    frame += body;
    for (std::size_t at = 0; at < frame.size();) {
      const ssize_t count = ::write(to_, frame.data() + at, frame.size() - at);
      if (count < 0) throw std::runtime_error("Python is gone; see its message above");
      at += static_cast<std::size_t>(count);
    }
  }

  std::string read_frame() {
    std::uint32_t size = 0;
    read_exactly(reinterpret_cast<char*>(&size), sizeof size);
    std::string body(size, '\0');
    read_exactly(body.data(), size);
    return body;
  }

 private:
  void read_exactly(char* at, std::size_t size) {
    while (size > 0) {
      const ssize_t count = ::read(from_, at, size);
      if (count <= 0) throw std::runtime_error("Python sent no more; see its message above");
      at += count;
      size -= static_cast<std::size_t>(count);
    }
  }

  pid_t pid_ = 0;
  int to_ = -1;
  int from_ = -1;
};

/// A file beside the one that asks: `beside(__FILE__, "script.py")`.
inline std::string beside(std::string_view file, std::string_view name) {
  return std::string(file.substr(0, file.rfind('/') + 1)) + std::string(name);
}
