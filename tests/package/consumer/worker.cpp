// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing.hpp>

void work(multiprocessing::Value<int> value) { value.value = 42; }
