// SPDX-License-Identifier: BSL-1.0
/// \file
/// Python's values: one whose type is known only at run time, `mp::object`, and those known to be a list, a dict and so
/// on.
#pragma once

#include <multiprocessing/object/array.hpp>      // IWYU pragma: export
#include <multiprocessing/object/bytes.hpp>      // IWYU pragma: export
#include <multiprocessing/object/dict.hpp>       // IWYU pragma: export
#include <multiprocessing/object/instance.hpp>   // IWYU pragma: export
#include <multiprocessing/object/int.hpp>        // IWYU pragma: export
#include <multiprocessing/object/list.hpp>       // IWYU pragma: export
#include <multiprocessing/object/object.hpp>     // IWYU pragma: export
#include <multiprocessing/object/set.hpp>        // IWYU pragma: export
#include <multiprocessing/object/tuple.hpp>      // IWYU pragma: export
#include <multiprocessing/pickle/functions.hpp>  // IWYU pragma: export
