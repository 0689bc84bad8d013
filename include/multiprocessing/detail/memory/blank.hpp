// SPDX-License-Identifier: BSL-1.0
/// \file
/// Blank: a handle to be filled by what was sent.
#pragma once

#include <concepts>

namespace multiprocessing::detail {

/// Makes the T that receives what was sent. Handles that need arguments say here with which.
template <class T>
struct Blank {
  static T make() requires std::default_initializable<T> { return T(); }
};

template <class T>
concept has_blank = requires { Blank<T>::make(); };

}  // namespace multiprocessing::detail
