// SPDX-License-Identifier: BSL-1.0
#include "steps.hpp"

MULTIPROCESSING_TEST_EXPORT Locks make_locks() {
  // Kept for good: a shared object is not a place to run destructors in.
  return {new multiprocessing::Lock(), new multiprocessing::RLock()};
}

MULTIPROCESSING_TEST_EXPORT bool act(const Locks& locks, Step step) { return run_step(locks, step); }
