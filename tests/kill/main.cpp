// SPDX-License-Identifier: BSL-1.0
/// \file
/// multiprocessing_kill: runs the scenarios that are named on its command line, or all; `--list` prints their names.
#include "engine/registry.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  using kill_test::Scenario;
  constexpr int exit_skipped = 77;  // ctest's SKIP_RETURN_CODE
  std::vector<Scenario> chosen = kill_test::scenarios();
  std::sort(chosen.begin(), chosen.end(), [](const auto& a, const auto& b) { return a.name < b.name; });

  const std::vector<std::string> names(argv + 1, argv + argc);
  if (names == std::vector<std::string>{"--list"}) {
    for (const Scenario& scenario : chosen) std::printf("%s\n", scenario.name.c_str());
    return 0;
  }
  if (!names.empty()) {
    std::erase_if(chosen, [&](const Scenario& scenario) {
      return std::find(names.begin(), names.end(), scenario.name) == names.end();
    });
    if (chosen.size() != names.size()) {
      std::fprintf(stderr, "unknown or repeated name; --list prints those that exist\n");
      return 2;
    }
  }
  try {
    bool all_passed = true;
    bool all_skipped = !chosen.empty();
    for (const Scenario& scenario : chosen) {
      const std::optional<bool> passed = scenario.run();
      all_passed = all_passed && passed.value_or(true);
      all_skipped = all_skipped && !passed;
    }
    if (all_skipped) return exit_skipped;
    return all_passed ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
