// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/memory/reclaim.hpp>

#include "support/catch.hpp"
#include "support/fresh_arena.hpp"

#include <multiprocessing/arena/size.hpp>
#include <multiprocessing/detail/memory/heap.hpp>
#include <multiprocessing/detail/memory/shared_ref.hpp>

#include <sched.h>

#include <thread>

using namespace multiprocessing::detail;
namespace mp = multiprocessing;

namespace {

Heap heap() { return Heap(this_thread()); }

/// A child that has used the arena and waits; its process slot is in `slot`.
struct UsingChild {
  UsingChild()
      : pid(start_child([this] {
          heap().allocate(64, 16, Domain::raw, BlockState::draft);
          *slot = this_process(the_arena()).bits();
          for (;;) ::pause();
        })) {
    REQUIRE(wait_until([&] { return *slot != 0; }));
  }
  ProcessSlot& process() const { return the_arena().process(ProcessRef(*slot).slot()); }

  Outside<std::atomic<std::uint32_t>> slot;
  pid_t pid;
};

}  // namespace

TEST_CASE("reclaim: what a gone process left comes back with its slot, and is counted", "[detail][reclaim]") {
  this_thread();
  reclaim_the_gone(the_arena());
  UsingChild child;
  CHECK(reclaim_the_gone(the_arena()) == 0);
  CHECK(child.process().state == ProcessSlot::alive);
  kill_child(child.pid);
  CHECK(reclaim_the_gone(the_arena()) == 1);
  CHECK(child.process().state == ProcessSlot::free);
  CHECK(reclaim_the_gone(the_arena()) == 0);
}

TEST_CASE("reclaim: a zombie is gone", "[detail][reclaim]") {
  this_thread();
  UsingChild child;
  ::kill(child.pid, SIGKILL);
  REQUIRE(wait_until([&] { return state_of(child.pid) == 'Z'; }));
  CHECK(reclaim_the_gone(the_arena()) == 1);
  exit_status(child.pid);
}

TEST_CASE("reclaim: a living process is left alone, whatever its id seems to say", "[detail][reclaim]") {
  // An id that another has by now, or that is of another namespace: the kernel says that no such process lives.
  this_thread();
  UsingChild child;
  const pid_t ended = start_child([] {});
  REQUIRE(exit_status(ended) == 0);
  reclaim_the_gone(the_arena());
  child.process().pid = ended;
  CHECK(process_is_gone(ended, boot_time()));
  CHECK_FALSE(reclaim::is_gone(the_arena(), ProcessRef(*child.slot).slot()));
  CHECK(reclaim_the_gone(the_arena()) == 0);
  CHECK(reclaim_the_gone(the_arena(), ended) == 0);  // nor when somebody has waited for a child of this id
  CHECK(child.process().state == ProcessSlot::alive);
  child.process().pid = child.pid;
  kill_child(child.pid);
  CHECK(reclaim_the_gone(the_arena()) == 1);
}

TEST_CASE("reclaim: a child in a namespace of its own, where it has another id, is left alone while it lives",
          "[detail][reclaim]") {
  if (::geteuid() != 0) {
    WARN("skipped: a process id namespace needs root");
    return;
  }
  this_thread();
  reclaim_the_gone(the_arena());
  Outside<std::atomic<std::uint32_t>> slot;
  Steps steps;
  const pid_t child = start_by_clone(
      [&] {
        heap().allocate(64, 16, Domain::raw, BlockState::draft);
        demand(::getpid() == 1, "it is the first of its namespace");
        *slot = this_process(the_arena()).bits();
        for (;;) ::pause();
      },
      CLONE_NEWPID);
  REQUIRE(child > 0);
  REQUIRE(wait_until([&] { return *slot != 0; }));
  CHECK(reclaim_the_gone(the_arena()) == 0);
  CHECK(reclaim_the_gone(the_arena(), 1) == 0);
  CHECK(the_arena().process(ProcessRef(*slot).slot()).state == ProcessSlot::alive);
  kill_child(child);
}

TEST_CASE("reclaim: a child that was expected and never heard of is given up after a while", "[detail][reclaim]") {
  this_thread();
  const ArenaMemory arena = the_arena();
  child_will_be_announced();
  prepare_for_fork();
  parent_after_fork();
  const std::uint32_t number = ProcessRef(std::exchange(registration::expected_child, 0)).slot();
  registration::child_announced = false;
  CHECK_FALSE(reclaim::is_gone(arena, number));
  arena.process(number).seen = boot_time() - reclaim::unheard_ns - 1;
  CHECK(reclaim::is_gone(arena, number));
  CHECK(reclaim_the_gone(arena) == 1);
}

TEST_CASE("reclaim: what was left half done by one who died is done by the next", "[detail][reclaim]") {
  this_thread();
  const std::size_t before = mp::arena_usage().used;
  UsingChild child;
  kill_child(child.pid);
  child.process().state = ProcessSlot::ending;  // as after the first step
  CHECK(mp::arena_usage().used == before);
  CHECK(child.process().state == ProcessSlot::free);
}

TEST_CASE("reclaim: a draft without an owner, of one who had no slot, comes back with the next that is gone",
          "[detail][reclaim]") {
  this_thread();
  const std::size_t before = mp::arena_usage().used;
  void* const block = heap().allocate(200'000);
  const auto number = static_cast<std::uint32_t>(the_arena().offset_of(block) / chunk_bytes);
  ChunkMap(the_arena()).set(number, ChunkWord(ChunkWord::Kind::draft, 4, ProcessRef()));
  UsingChild child;
  kill_child(child.pid);
  CHECK(mp::arena_usage().used == before);
}

TEST_CASE("reclaim: an arena that is full takes back what the dead left before it says so", "[detail][reclaim]") {
  CHECK(in_fresh_arena([] {
          asked_arena_bytes = 1 << 20;
          heap().deallocate(heap().allocate(64));
          demand(in_child([] { heap().allocate(900'000, 16, Domain::raw, BlockState::draft); }) == 0,
                 "a child takes nearly all");
          heap().deallocate(heap().allocate(900'000));
          demand(in_child([] {
                   for (int i = 0; i < 14'000; ++i) heap().allocate(64, 16, Domain::raw, BlockState::draft);
                 }) == 0,
                 "a child takes nearly all in small pieces");
          for (int i = 0; i < 10'000; ++i) heap().allocate(64);
        }) == 0);
}

TEST_CASE("reclaim: nothing of the dead is missed while others take, split and join runs", "[detail][reclaim]") {
  this_thread();
  const std::size_t before = mp::arena_usage().used;
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (unsigned i = t; !done; ++i) heap().deallocate(heap().allocate(70'000 * (1 + i % 7)));
    });
  }
  for (int round = 0; round < 20; ++round) {
    in_child([] {
      for (int i = 0; i < 20; ++i)
        heap().allocate(70'000, 16, Domain::raw, BlockState::draft),
            heap().allocate(3000, 16, Domain::raw, BlockState::draft);
    });
    reclaim_the_gone(the_arena());
  }
  done = true;
  for (auto& thread : threads) thread.join();
  CHECK(mp::arena_usage().used == before);
}
