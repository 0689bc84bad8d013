// SPDX-License-Identifier: BSL-1.0
/// \file
/// ProcessOptions: the keywords of Python's `Process(...)`.
#pragma once

#include <optional>
#include <string>

namespace multiprocessing {

namespace detail {

/// Stands where Python has a keyword that is a position here.
struct Positional {
  Positional() = default;
  template <class T>
  Positional(const T&) {
    static_assert(!sizeof(T*),
                  "Process: target and arguments follow the options: mp::Process p({.name = \"w\"}, f, a, b)");
  }
};

}  // namespace detail

/// How a Process is to be. Name the members: `{.name = "worker", .daemon = true}`.
struct ProcessOptions {
  detail::Positional target = {};                   ///< not here: it follows the options
  std::optional<std::string> name = {};             ///< absent: the class's name and a number, "Process-1"
  std::optional<bool> daemon = {};                  ///< terminated when its parent ends; absent: as its parent
  std::optional<std::string> start_method = {};     ///< "fork", "spawn" or "forkserver"; absent: get_start_method()
  std::optional<bool> outlive_parent = {};          ///< goes on when its parent is killed; absent: it is killed, too
};

}  // namespace multiprocessing
