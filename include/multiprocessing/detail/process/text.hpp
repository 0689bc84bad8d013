// SPDX-License-Identifier: BSL-1.0
/// \file
/// Text: a C string as an argument.
#pragma once

#include <multiprocessing/errors.hpp>

#include <string>

namespace multiprocessing::detail {

/// A C string as an argument: owned, so that nothing dangles until start().
struct Text {
  explicit Text(const char* text) : value(text == nullptr ? throw ValueError(null) : text) {}

  static constexpr char null[] = "Process: an argument is a C string that is null, and has no text; pass a std::optional<std::string>";

  std::string value;
};

}  // namespace multiprocessing::detail
