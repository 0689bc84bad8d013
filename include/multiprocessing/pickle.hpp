// SPDX-License-Identifier: BSL-1.0
/// \file
/// Python's pickle: values that cross a process's boundary by copy, in the form that every Python reads.
#pragma once

#include <multiprocessing/pickle/errors.hpp>     // IWYU pragma: export
#include <multiprocessing/pickle/functions.hpp>  // IWYU pragma: export
#include <multiprocessing/pickle/kinds.hpp>      // IWYU pragma: export
#include <multiprocessing/pickle/options.hpp>    // IWYU pragma: export
