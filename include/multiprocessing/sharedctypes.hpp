// SPDX-License-Identifier: BSL-1.0
/// \file
/// Numbers, structs and arrays in shared memory: the names and meanings of Python's `multiprocessing.sharedctypes`.
#pragma once

#include <multiprocessing/sharedctypes/any_lock.hpp>      // IWYU pragma: export
#include <multiprocessing/sharedctypes/array.hpp>         // IWYU pragma: export
#include <multiprocessing/sharedctypes/copy.hpp>          // IWYU pragma: export
#include <multiprocessing/sharedctypes/raw_array.hpp>     // IWYU pragma: export
#include <multiprocessing/sharedctypes/raw_value.hpp>     // IWYU pragma: export
#include <multiprocessing/sharedctypes/synchronized.hpp>  // IWYU pragma: export
#include <multiprocessing/sharedctypes/value.hpp>         // IWYU pragma: export

/// Python's module of that name.
namespace multiprocessing::sharedctypes {

using multiprocessing::Array;
using multiprocessing::copy;
using multiprocessing::RawArray;
using multiprocessing::RawValue;
using multiprocessing::synchronized;
using multiprocessing::Value;

}  // namespace multiprocessing::sharedctypes
