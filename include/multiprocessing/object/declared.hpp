// SPDX-License-Identifier: BSL-1.0
/// \file
/// Names of what lies in object.hpp, for those who only need to know that it exists.
#pragma once

namespace multiprocessing {

class object;

namespace detail {

/// How objects are pickled, where only <multiprocessing/pickle.hpp> can say it.
template <class Object>
struct ObjectPickle;

}  // namespace detail

}  // namespace multiprocessing
