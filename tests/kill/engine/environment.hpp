// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the environment may ask for: the size of a run and its seed.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>

namespace kill_test {

/// MULTIPROCESSING_KILLS: kills of a storm, and at most so many points of a sweep; `standard` when it is not set.
inline std::uint64_t kills(std::uint64_t standard) {
  const char* text = std::getenv("MULTIPROCESSING_KILLS");
  const std::uint64_t asked = text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
  return asked > 0 ? asked : standard;
}

/// MULTIPROCESSING_KILL_SEED, or a new one.
inline std::uint64_t random_seed() {
  const char* text = std::getenv("MULTIPROCESSING_KILL_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device{}();
}

}  // namespace kill_test
