// SPDX-License-Identifier: BSL-1.0
/// \file
/// Python's text of objects: `repr(x)` and `print(...)`.
#pragma once

#include <multiprocessing/text/print.hpp>  // IWYU pragma: export
#include <multiprocessing/text/repr.hpp>   // IWYU pragma: export
