// SPDX-License-Identifier: BSL-1.0
/// \file
/// The arena: the shared memory of a family of processes, in which locks, values, arrays and containers lie. It is made
/// at first use, shared by all children, costs a fork nothing, has no name that could be left behind, and survives the death of any of its
/// processes at any instruction.
#pragma once

#include <multiprocessing/arena/allocator.hpp>   // IWYU pragma: export
#include <multiprocessing/arena/debug_dump.hpp>  // IWYU pragma: export
#include <multiprocessing/arena/size.hpp>        // IWYU pragma: export
