// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the two shared objects export, each with its own copy of the library.
#pragma once

/// The locks that the first object makes and the second takes, with no type between them but void: a plugin's border.
struct Locks {
  void* lock;   // multiprocessing::Lock*
  void* rlock;  // multiprocessing::RLock*
};

/// What to do with the locks; the answer is whether it worked.
enum class Step { take_lock, try_lock, give_lock, take_rlock, try_rlock, give_rlock };

using MakeLocks = Locks();
using Act = bool(const Locks&, Step);

#define MULTIPROCESSING_TEST_EXPORT extern "C" __attribute__((visibility("default")))
