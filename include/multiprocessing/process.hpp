// SPDX-License-Identifier: BSL-1.0
/// \file
/// Processes: the names and meanings of Python's `multiprocessing.process`.
#pragma once

#include <multiprocessing/process/exit_code.hpp>  // IWYU pragma: export
#include <multiprocessing/process/functions.hpp>  // IWYU pragma: export
#include <multiprocessing/process/options.hpp>    // IWYU pragma: export
#include <multiprocessing/process/process.hpp>    // IWYU pragma: export
#include <multiprocessing/process/spawnable.hpp>  // IWYU pragma: export
#include <multiprocessing/process/start_methods.hpp>  // IWYU pragma: export
