// SPDX-License-Identifier: BSL-1.0
/// \file
/// What tests do once by each start method.
#pragma once

#include "process/program.hpp"

#include <multiprocessing/logging.hpp>
#include <multiprocessing/process.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

inline constexpr const char* every_method[] = {"fork", "spawn", "forkserver"};

/// What `body` prints as a program whose start method is `method`; if it fails, how it ended and all that it wrote.
template <class Body>
std::string output_by(const std::string& method, Body body) {
  namespace mp = multiprocessing;
  const Outcome ran = run_program([&] {
    mp::set_start_method(method);
    mp::get_logger().setLevel(mp::ERROR);  // not the warning about threads
    body();
  });
  if (ran.status != 0) return "status " + std::to_string(ran.status) + ": " + ran.out + ran.err;
  return ran.out;
}

/// What a body printed by each start method, to be compared with what it should by all of them.
class OutputsByMethod {
 public:
  template <class Body>
  explicit OutputsByMethod(Body body) {
    for (const char* const method : every_method) outputs_.emplace_back(method, output_by(method, body));
  }

  friend bool operator==(const OutputsByMethod& outputs, std::string_view expected) {
    return std::all_of(outputs.outputs_.begin(), outputs.outputs_.end(), [&](const auto& each) { return each.second == expected; });
  }
  friend std::ostream& operator<<(std::ostream& stream, const OutputsByMethod& outputs) {
    for (const auto& [method, output] : outputs.outputs_) stream << method << ": \"" << output << "\"\n";
    return stream;
  }

 private:
  std::vector<std::pair<std::string, std::string>> outputs_;
};

template <class Body>
OutputsByMethod output_by_every_method(Body body) {
  return OutputsByMethod(std::move(body));
}

/// Starts a process, waits for it and returns its exit code.
template <class... Arguments>
multiprocessing::ExitCode run(const multiprocessing::ProcessOptions& options, Arguments&&... arguments) {
  multiprocessing::Process p(options, std::forward<Arguments>(arguments)...);
  p.start();
  p.join();
  return p.exitcode();
}
template <class Target, class... Arguments>
  requires(!std::same_as<std::remove_cvref_t<Target>, multiprocessing::ProcessOptions>)
multiprocessing::ExitCode run(Target&& target, Arguments&&... arguments) {
  return run(multiprocessing::ProcessOptions{}, std::forward<Target>(target), std::forward<Arguments>(arguments)...);
}

/// How many descriptors this process has open, one for reading the folder among them.
inline std::ptrdiff_t open_descriptors() {
  const auto all = std::filesystem::directory_iterator("/proc/self/fd");
  return std::distance(begin(all), end(all));
}
