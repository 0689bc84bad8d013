// SPDX-License-Identifier: BSL-1.0
/// \file
/// The version of the library.
#pragma once

#define MULTIPROCESSING_VERSION_MAJOR 0
#define MULTIPROCESSING_VERSION_MINOR 1
#define MULTIPROCESSING_VERSION_PATCH 0
#define MULTIPROCESSING_VERSION "0.1.0"
