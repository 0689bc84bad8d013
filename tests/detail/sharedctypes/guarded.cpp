// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/sharedctypes/guarded.hpp>

#include <multiprocessing/sharedctypes/value.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <unistd.h>

#include <optional>

namespace mp = multiprocessing;

TEST_CASE("What runs under the lock may give it back, or fork", "[sharedctypes][guarded]") {
  const mp::Lock lock;
  for (const mp::Value<int>& v : {mp::Value<int>(1), mp::Value<int>(1, mp::RLock()), mp::Value<int>(1, lock)}) {
    v.with([&](int&) { v.release(); });
    CHECK_FALSE(v.get_lock().locked());
  }
  const mp::Value<int> v(1);
  const pid_t child = v.with([&](int& x) {
    x = 2;
    return ::fork();
  });
  if (child == 0) {
    // The child never had the lock, and could not give it back.
    v.value += 1;
    ::_exit(v.get() == 3 ? 0 : 1);
  }
  CHECK(exit_status(child) == 0);
  CHECK(v.get() == 3);
  CHECK_FALSE(v.get_lock().locked());
}
