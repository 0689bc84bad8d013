// SPDX-License-Identifier: BSL-1.0
/// \file
/// Text: a C string as an argument.
#pragma once

#include <string>

namespace multiprocessing::detail {

/// A C string as an argument: owned, so that nothing dangles until start().
struct Text {
  explicit Text(const char* text) : value(text) {}
  std::string value;
};

}  // namespace multiprocessing::detail
