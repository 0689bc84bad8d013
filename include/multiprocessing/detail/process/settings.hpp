// SPDX-License-Identifier: BSL-1.0
/// \file
/// StartSettings: what the program has said about how processes are to be started.
#pragma once

#include <multiprocessing/detail/process/code_name.hpp>

#include <optional>
#include <string>
#include <vector>

namespace multiprocessing::detail {

/// Guarded by the Runtime's mutex. Children have what their parent has.
struct StartSettings {
  std::optional<std::string> method;      // of set_start_method(); absent until it is set or used
  std::optional<std::string> executable;  // of set_executable(); absent: this program
  std::vector<CodeName> preloads;         // of set_forkserver_preload()
};

inline StartSettings& start_settings() {
  static StartSettings& settings = *new StartSettings();  // never destroyed: exit handlers may start processes
  return settings;
}

}  // namespace multiprocessing::detail
