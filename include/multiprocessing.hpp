// SPDX-License-Identifier: BSL-1.0
/// \file
/// Python's `multiprocessing` for C++: every chapter of it. `namespace mp = multiprocessing;`
#pragma once

#include <multiprocessing/arena.hpp>         // IWYU pragma: export
#include <multiprocessing/connection.hpp>    // IWYU pragma: export
#include <multiprocessing/context.hpp>       // IWYU pragma: export
#include <multiprocessing/errors.hpp>        // IWYU pragma: export
#include <multiprocessing/logging.hpp>       // IWYU pragma: export
#include <multiprocessing/object.hpp>        // IWYU pragma: export
#include <multiprocessing/pickle.hpp>        // IWYU pragma: export
#include <multiprocessing/process.hpp>       // IWYU pragma: export
#include <multiprocessing/range.hpp>         // IWYU pragma: export
#include <multiprocessing/reduction.hpp>     // IWYU pragma: export
#include <multiprocessing/shareable.hpp>     // IWYU pragma: export
#include <multiprocessing/sharedctypes.hpp>  // IWYU pragma: export
#include <multiprocessing/synchronize.hpp>   // IWYU pragma: export
#include <multiprocessing/text.hpp>          // IWYU pragma: export
#include <multiprocessing/time.hpp>          // IWYU pragma: export
#include <multiprocessing/util.hpp>          // IWYU pragma: export
#include <multiprocessing/version.hpp>       // IWYU pragma: export
