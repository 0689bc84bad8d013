// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/memory/fork_hooks.hpp>

#include "support/catch.hpp"
#include "support/outside.hpp"

#include <multiprocessing/detail/memory/heap.hpp>
#include <multiprocessing/detail/memory/identity.hpp>

using namespace multiprocessing::detail;

TEST_CASE("arena_hooks: what a child left comes back when its end was collected", "[detail][fork_hooks]") {
  this_thread();
  Outside<std::atomic<std::uint32_t>> slot;
  const pid_t child = start_child([&] {
    Heap(this_thread()).allocate(64, 16, Domain::raw, BlockState::draft);
    *slot = this_process(the_arena()).bits();
  });
  REQUIRE(exit_status(child) == 0);
  ProcessSlot& process = the_arena().process(ProcessRef(*slot).slot());
  CHECK(process.state == ProcessSlot::alive);
  call_fork_hooks(&ForkHooks::after_join, child);
  CHECK(process.state == ProcessSlot::free);
}

TEST_CASE("arena_hooks: are registered once, when the arena is made", "[detail][fork_hooks]") {
  the_arena();
  the_arena();
  int found = 0;
  for (const ForkHooks* hooks = ForkHooks::first; hooks != nullptr; hooks = hooks->next) found += hooks == &arena_hooks;
  CHECK(found == 1);
}
