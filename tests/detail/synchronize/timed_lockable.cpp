// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/synchronize/timed_lockable.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <mutex>
#include <optional>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

/// Writes down what it was asked.
struct Asked : mp::detail::TimedLockable<Asked> {
  bool acquire(mp::Timeout timeout = std::nullopt) const {
    asked = timeout;
    return answer;
  }
  void release() const { ++released; }

  bool answer = true;
  mutable std::optional<mp::Timeout> asked;
  mutable int released = 0;
};

using Clock = std::chrono::steady_clock;

}  // namespace

TEST_CASE("TimedLockable: lock waits for ever, try_lock only tries, unlock releases", "[detail][timed_lockable]") {
  Asked asked;
  {
    const std::scoped_lock guard(asked);
    CHECK(asked.asked->forever());
  }
  CHECK(asked.released == 1);
  CHECK(asked.try_lock());
  CHECK(asked.asked->zero());
  asked.answer = false;
  CHECK_FALSE(asked.try_lock());
}

TEST_CASE("TimedLockable: try_lock_for and try_lock_until wait for what is left", "[detail][timed_lockable]") {
  const Asked asked;
  CHECK(asked.try_lock_for(5ms));
  CHECK(asked.asked->duration() == 5ms);
  CHECK(asked.try_lock_for(-1s));
  CHECK(asked.asked->zero());
  CHECK(asked.try_lock_until(Clock::now() + 1h));
  CHECK(asked.asked->duration() > 59min);
  CHECK(asked.asked->duration() <= 1h);
}

TEST_CASE("TimedLockable: a moment that has passed only tries, however long ago it was", "[detail][timed_lockable]") {
  const Asked asked;
  for (const auto moment : {Clock::now(), Clock::time_point(), Clock::time_point::min()}) {
    asked.try_lock_until(moment);
    CHECK(asked.asked->zero());
  }
  asked.try_lock_until(Clock::time_point::max());
  CHECK(asked.asked->forever());
}
