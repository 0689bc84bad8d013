// SPDX-License-Identifier: BSL-1.0
/// \file
/// Synchronization between processes: the names and meanings of Python's `multiprocessing.synchronize`, and a
/// readers-writer lock.
#pragma once

#include <multiprocessing/synchronize/barrier.hpp>    // IWYU pragma: export
#include <multiprocessing/synchronize/condition.hpp>  // IWYU pragma: export
#include <multiprocessing/synchronize/event.hpp>      // IWYU pragma: export
#include <multiprocessing/synchronize/lock.hpp>       // IWYU pragma: export
#include <multiprocessing/synchronize/rlock.hpp>      // IWYU pragma: export
#include <multiprocessing/synchronize/rwlock.hpp>     // IWYU pragma: export
#include <multiprocessing/synchronize/semaphore.hpp>  // IWYU pragma: export
