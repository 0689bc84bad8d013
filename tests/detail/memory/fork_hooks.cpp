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

TEST_CASE("prepare_for_fork: what is made while a fork is under way counts as older than the child",
          "[detail][fork_hooks]") {
  this_thread();
  const ArenaMemory arena = the_arena();
  CHECK(birth_of_object(arena) == arena.header().forks);
  child_will_be_announced();
  prepare_for_fork();
  const ProcessRef expected(registration::expected_child);
  REQUIRE(expected);
  // Another thread's object, made now, is in the child's copy of this memory if the fork comes later.
  CHECK(birth_of_object(arena) < arena.process(expected.slot()).birth);
  CHECK(lives_since(arena, birth_of_object(arena), this_process(arena)));
  parent_after_fork();
  CHECK(birth_of_object(arena) == arena.process(expected.slot()).birth);
  child_was_forked(-1);  // there was no child after all
  CHECK(arena.process(expected.slot()).state == ProcessSlot::free);
  parent_after_fork();  // one too many is harmless
  CHECK(birth_of_object(arena) == arena.header().forks);
}

TEST_CASE("child_was_forked: a slot that was given up meanwhile is left to its next owner", "[detail][fork_hooks]") {
  this_thread();
  const ArenaMemory arena = the_arena();
  child_will_be_announced();
  prepare_for_fork();
  parent_after_fork();
  const ProcessRef expected(registration::expected_child);
  ProcessSlot& slot = arena.process(expected.slot());
  slot.generation = slot.generation + 1;  // as after ten seconds without a word, and another birth
  SECTION("by a parent whose fork failed") {
    child_was_forked(-1);
    CHECK(slot.state == ProcessSlot::born);
  }
  SECTION("by a parent with a child") {
    child_was_forked(77);
    CHECK(slot.state == ProcessSlot::born);
    CHECK(slot.pid == 0);
  }
  SECTION("by the child") {
    registration::child_announced = false;
    child_after_fork();
    CHECK(slot.state == ProcessSlot::born);
    CHECK(slot.pid == 0);
  }
  slot.state = ProcessSlot::free;
}

TEST_CASE("child_was_forked: the parent's word for the id stands, as for a child in another namespace",
          "[detail][fork_hooks]") {
  this_thread();
  const ArenaMemory arena = the_arena();
  child_will_be_announced();
  prepare_for_fork();
  parent_after_fork();
  const ProcessRef expected(registration::expected_child);
  ProcessSlot& slot = arena.process(expected.slot());
  const std::uint64_t seen = slot.seen;
  child_was_forked(77);
  CHECK(slot.pid == 77);
  CHECK(slot.seen > seen);  // or the child would pass for a later process of the same id
  CHECK(slot.state == ProcessSlot::alive);
  slot.state = ProcessSlot::free;
}

TEST_CASE("child_after_fork: a child that its parent will announce takes its slot over when it uses the library",
          "[detail][fork_hooks]") {
  this_thread();
  const ArenaMemory arena = the_arena();
  Outside<std::atomic<std::uint32_t>> expected, taken;
  Outside<std::atomic<bool>> announced;
  call_fork_hooks(&ForkHooks::before_fork);
  const pid_t child = start_child([&] {
    demand(!this_process(arena), "nothing of the arena is touched yet");
    *expected = registration::expected_child;
    demand(wait_until([&] { return announced->load(); }), "the parent announces it");
    this_thread();
    *taken = this_process(arena).bits();
  });
  call_fork_hooks(&ForkHooks::after_fork_in_parent, child);
  *announced = true;
  REQUIRE(exit_status(child) == 0);
  CHECK(*taken != 0);
  CHECK(*taken == *expected);
  CHECK(arena.process(ProcessRef(*taken).slot()).pid == child);
  call_fork_hooks(&ForkHooks::after_join, child);
  CHECK(arena.process(ProcessRef(*taken).slot()).state == ProcessSlot::free);
}

TEST_CASE(
    "child_after_fork: an announced child that uses the library before its parent has said its id is the one expected",
    "[detail][fork_hooks]") {
  this_thread();
  const ArenaMemory arena = the_arena();
  Outside<std::atomic<std::uint32_t>> expected, taken;
  call_fork_hooks(&ForkHooks::before_fork);
  const pid_t child = start_child([&] {
    *expected = registration::expected_child;
    this_thread();
    *taken = this_process(arena).bits();
  });
  REQUIRE(exit_status(child) == 0);
  CHECK(*taken != 0);
  CHECK(*taken == *expected);
  call_fork_hooks(&ForkHooks::after_fork_in_parent, child);
  call_fork_hooks(&ForkHooks::after_join, child);
  CHECK(arena.process(ProcessRef(*taken).slot()).state == ProcessSlot::free);
}

TEST_CASE("child_after_fork: a raw copy of an announced child does not take its slot", "[detail][fork_hooks]") {
  this_thread();
  const ArenaMemory arena = the_arena();
  Outside<std::atomic<std::uint32_t>> of_child, of_copy;
  call_fork_hooks(&ForkHooks::before_fork);
  const pid_t child = start_child([&] {
    const pid_t copy = start_by_underscore_fork([&] {
      this_thread();
      *of_copy = this_process(arena).bits();
    });
    demand(exit_status(copy) == 0, "the copy ends in order");
    this_thread();
    *of_child = this_process(arena).bits();
  });
  call_fork_hooks(&ForkHooks::after_fork_in_parent, child);
  REQUIRE(exit_status(child) == 0);
  CHECK(*of_copy != 0);
  CHECK(*of_child != 0);
  CHECK(*of_copy != *of_child);
  call_fork_hooks(&ForkHooks::after_join, child);
}
