// SPDX-License-Identifier: BSL-1.0
/// \file
/// Bytes that nobody can guess.
#pragma once

#include <multiprocessing/detail/os/checked.hpp>

#include <sys/random.h>

#include <cstddef>
#include <string>

namespace multiprocessing::detail {

/// `size` bytes from the kernel's generator.
inline std::string random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t done = 0; done < size;) {
    const auto got = checked("getrandom", [&] { return ::getrandom(bytes.data() + done, size - done, 0); });
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace multiprocessing::detail
