// SPDX-License-Identifier: BSL-1.0
/// \file
/// What pickle throws.
#pragma once

#include <multiprocessing/errors.hpp>

#include <cstddef>
#include <string>

namespace multiprocessing {

/// Python's `pickle.PickleError`.
struct PickleError : detail::error<std::runtime_error> {
  using error::error;
};
/// Python's `pickle.PicklingError`: this value cannot be sent.
struct PicklingError : PickleError {
  using PickleError::PickleError;
};

/// Python's `pickle.UnpicklingError`: these bytes are no pickle, or not of what was asked for, or want too much.
class UnpicklingError : public PickleError {
 public:
  UnpicklingError(const std::string& message, std::size_t offset)
      : PickleError("loads: " + message + ", at byte " + std::to_string(offset)), offset_(offset) {}

  /// The byte at which it went wrong.
  std::size_t offset() const noexcept { return offset_; }

 private:
  std::size_t offset_;
};

}  // namespace multiprocessing
