// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/memory/thread_identity.hpp>

#include "support/catch.hpp"
#include "support/outside.hpp"

#include <multiprocessing/detail/memory/identity.hpp>

#include <sched.h>

using namespace multiprocessing::detail;

TEST_CASE("ThreadIdentity: is not valid until registered", "[detail][thread_identity]") {
  CHECK_FALSE(ThreadIdentity().valid());
}

TEST_CASE("IntentGuard: what was said before is said again afterwards", "[detail][thread_identity]") {
  const ThreadIdentity& self = this_thread();
  const ArenaMemory arena = the_arena();
  {
    const IntentGuard outer(self, Intent::wait, arena.base() + 64);
    {
      const IntentGuard inner(self, Intent::wake, arena.base() + 128);
      CHECK(self.slot->intent == static_cast<std::uint32_t>(Intent::wake));
      CHECK(self.slot->object == 128);
    }
    CHECK(self.slot->intent == static_cast<std::uint32_t>(Intent::wait));
    CHECK(self.slot->object == 64);
  }
  CHECK(self.slot->intent == 0);
}

TEST_CASE("PendingGuard: what was named before is named again afterwards", "[detail][thread_identity]") {
  const ThreadIdentity& self = this_thread();
  const FutexWord first{0}, second{0};
  {
    const PendingGuard outer(self, first);
    {
      const PendingGuard inner = PendingGuard::of_wait(self, second);
      CHECK(self.robust_list.named() == &second);
    }
    CHECK(self.robust_list.named() == &first);
  }
  CHECK(self.robust_list.named() == nullptr);
}

TEST_CASE("may_spin: not where the process has one processor", "[detail][thread_identity]") {
  CHECK(in_child([] {
          cpu_set_t one;
          CPU_ZERO(&one);
          CPU_SET(::sched_getcpu(), &one);
          ::sched_setaffinity(0, sizeof one, &one);
          return !may_spin(this_thread());
        }) == 0);
}
