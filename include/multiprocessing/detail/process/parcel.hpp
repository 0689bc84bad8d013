// SPDX-License-Identifier: BSL-1.0
/// \file
/// Parcel: the bytes by which a process tells another, of the same program, what it is to be and to work with.
#pragma once

#include <multiprocessing/detail/process/parcel_reader.hpp>  // IWYU pragma: export
#include <multiprocessing/detail/process/parcel_writer.hpp>  // IWYU pragma: export
