// SPDX-License-Identifier: BSL-1.0
/// \file
/// What dumps and loads can be told.
#pragma once

#include <cstddef>
#include <optional>

namespace multiprocessing::pickle {

/// The highest protocol that can be written and read; and the one written unless told, which every Python from 3.4
/// reads.
inline constexpr int HIGHEST_PROTOCOL = 5;
inline constexpr int DEFAULT_PROTOCOL = 4;

/// Containers in containers, beyond which neither side goes: enough for data, and no danger to a small stack.
inline constexpr std::size_t default_depth = 64;

/// What `dumps` can be told: `dumps(x, {.protocol = 2})`.
struct DumpsOptions {
  int protocol = DEFAULT_PROTOCOL;    ///< 2 to 5
  std::size_t depth = default_depth;  ///< containers in containers
};

/// What `loads` allows, whoever wrote the message. Absent means in proportion to its size, and more than enough for
/// what dumps and Python write: what exceeds them repeats itself by references.
struct LoadsOptions {
  std::size_t depth = default_depth;       ///< containers in containers
  std::optional<std::size_t> values = {};  ///< made in all; by default 1,000,000 and 4 a byte
  std::optional<std::size_t> bytes = {};   ///< copied in all; by default 64 MiB and 4 a byte
};

}  // namespace multiprocessing::pickle
