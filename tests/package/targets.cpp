// SPDX-License-Identifier: BSL-1.0
// Targets that lie in a shared library.
#include <multiprocessing/sharedctypes.hpp>

namespace {

void add_two(multiprocessing::Value<int> value) { value.value += 2; }

}  // namespace

extern "C" __attribute__((visibility("default"))) void (*function_of_library())(multiprocessing::Value<int>) { return &add_two; }

extern "C" __attribute__((visibility("default"))) void (*lambda_of_library())(multiprocessing::Value<int>) {
  return [](multiprocessing::Value<int> value) { value.value += 3; };
}
