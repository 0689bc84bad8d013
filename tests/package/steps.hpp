// SPDX-License-Identifier: BSL-1.0
/// \file
/// The steps of objects.hpp, compiled into each object with the library that it contains.
#pragma once

#include <multiprocessing/synchronize.hpp>

#include "objects.hpp"

inline bool run_step(const Locks& locks, Step step) {
  const auto& lock = *static_cast<multiprocessing::Lock*>(locks.lock);
  const auto& rlock = *static_cast<multiprocessing::RLock*>(locks.rlock);
  switch (step) {
    case Step::take_lock: return lock.acquire();
    case Step::try_lock: return lock.acquire(false);
    case Step::give_lock: lock.release(); return true;
    case Step::take_rlock: return rlock.acquire();
    case Step::try_rlock: return rlock.acquire(false);
    case Step::give_rlock: rlock.release(); return true;
  }
  return false;
}
