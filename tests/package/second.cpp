// SPDX-License-Identifier: BSL-1.0
#include "steps.hpp"

MULTIPROCESSING_TEST_EXPORT bool act(const Locks& locks, Step step) { return run_step(locks, step); }
