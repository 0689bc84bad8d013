// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/memory/registration.hpp>

#include "support/catch.hpp"
#include "support/outside.hpp"

#include <multiprocessing/detail/memory/heap.hpp>
#include <multiprocessing/detail/memory/identity.hpp>

#include <set>
#include <thread>
#include <vector>

using namespace multiprocessing::detail;
namespace mp = multiprocessing;

namespace {

OwnerRef in_thread() {
  OwnerRef owner;
  std::thread([&] { owner = this_thread().owner; }).join();
  return owner;
}

}  // namespace

TEST_CASE("register_thread: a thread keeps one identity, and each has its own", "[detail][registration]") {
  const OwnerRef mine = this_thread().owner;
  CHECK(this_thread().owner == mine);
  CHECK(this_thread().slot->thread_id == this_thread_id());
  CHECK(token_owner(this_thread().slot->token.word().load()) == this_thread_id());
  CHECK(in_thread() != mine);
  CHECK_FALSE(is_dead(the_arena(), mine));
}

TEST_CASE("register_thread: a thread that ends in order is dead to all, and its slot free", "[detail][registration]") {
  const OwnerRef ended = in_thread();
  CHECK(is_dead(the_arena(), ended));
  CHECK(the_arena().thread(ended.slot()).token.word().load() == 0);
}

TEST_CASE("register_thread: a slot that lives again does not revive who had it before", "[detail][registration]") {
  const ArenaMemory arena = the_arena();
  std::set<std::uint32_t> slots;
  std::vector<OwnerRef> ended;
  for (int i = 0; i < 200; ++i) ended.push_back(in_thread()), slots.insert(ended.back().slot());
  CHECK(slots.size() < 200);  // some were used again
  for (const OwnerRef owner : ended) CHECK(is_dead(arena, owner));
  const std::set<std::uint32_t> distinct = [&] {
    std::set<std::uint32_t> bits;
    for (const OwnerRef owner : ended) bits.insert(owner.bits());
    return bits;
  }();
  CHECK(distinct.size() == 200);
}

TEST_CASE("register_thread: slots are reused first in, first out", "[detail][registration]") {
  const OwnerRef first = in_thread();
  CHECK(in_thread().slot() != first.slot());
}

TEST_CASE("is_dead: at the kill, not when the child is waited for", "[detail][registration]") {
  Outside<std::atomic<std::uint32_t>> owner;
  const pid_t child = start_child([&] {
    *owner = this_thread().owner.bits();
    for (;;) ::pause();
  });
  REQUIRE(wait_until([&] { return *owner != 0; }));
  CHECK_FALSE(is_dead(the_arena(), OwnerRef(*owner)));
  ::kill(child, SIGKILL);
  CHECK(wait_until([&] { return is_dead(the_arena(), OwnerRef(*owner)); }));
  CHECK(exit_status(child) == 128 + SIGKILL);
}

TEST_CASE("is_dead: not a stopped thread", "[detail][registration]") {
  Outside<std::atomic<std::uint32_t>> owner;
  const pid_t child = start_child([&] {
    *owner = this_thread().owner.bits();
    for (;;) ::pause();
  });
  REQUIRE(wait_until([&] { return *owner != 0; }));
  ::kill(child, SIGSTOP);
  REQUIRE(wait_until([&] { return state_of(child) == 'T'; }));
  CHECK_FALSE(is_dead(the_arena(), OwnerRef(*owner)));
  kill_child(child);
}

TEST_CASE("is_dead: from the moment on that the next life has the token, before the generation is bumped",
          "[detail][registration]") {
  const ArenaMemory arena = the_arena();
  Outside<std::atomic<std::uint32_t>> owner;
  REQUIRE(in_child([&] { *owner = this_thread().owner.bits(); }) == 0);
  ThreadSlot& slot = arena.thread(OwnerRef(*owner).slot());
  const std::uint32_t generation = slot.generation;
  // What register_thread() does first with the slot of a dead thread; a sleeper that took the dead for alive now would
  // have its wake-up, which comes with the bump, behind it before it sleeps.
  REQUIRE(slot.token.try_lock() == RobustMutex::Result::owner_died);
  CHECK(token_lives(slot.token.word().load()));
  CHECK(slot.generation == generation);
  CHECK(is_dead(arena, OwnerRef(*owner)));
  recover_slot(this_thread().robust_list, arena, slot);
  slot.token.consistent();
  CHECK(is_dead(arena, OwnerRef(*owner)));
  slot.token.unlock();
}

TEST_CASE("is_dead: a name that nobody of ours wrote", "[detail][registration]") {
  CHECK(is_dead(the_arena(), OwnerRef(slot_limit, 0)));
  CHECK(is_dead(the_arena(), OwnerRef(slot_limit - 1, 77)));
}

TEST_CASE("recover_slot: wakes one who may have been owed it, and may be done twice", "[detail][registration]") {
  const ArenaMemory arena = the_arena();
  Outside<std::atomic<std::uint32_t>> owner;
  FutexWord& word = *new (Heap(this_thread()).allocate(sizeof(FutexWord))) FutexWord(1);
  REQUIRE(in_child([&] {
            *owner = this_thread().owner.bits();
            new IntentGuard(this_thread(), Intent::wait, &word);  // never ends
          }) == 0);
  const pid_t sleeper = start_child([&] {
    return futex_wait(std::array{Sleep{&word, 1}}, std::chrono::steady_clock::now() + std::chrono::seconds(20));
  });
  falls_asleep(sleeper);
  ThreadSlot& slot = arena.thread(OwnerRef(*owner).slot());
  CHECK(slot.intent == static_cast<std::uint32_t>(Intent::wait));
  REQUIRE(slot.token.try_lock() == RobustMutex::Result::owner_died);
  const std::uint32_t generation = slot.generation;
  recover_slot(this_thread().robust_list, arena, slot);
  CHECK(slot.intent == 0);
  CHECK(slot.generation == generation + 1);
  recover_slot(this_thread().robust_list, arena, slot);
  slot.token.consistent();
  slot.token.unlock();
  CHECK(exit_status(sleeper) == 0);
  Heap(this_thread()).deallocate(&word);
}

TEST_CASE("register_process: every kind of child is a process of its own", "[detail][registration]") {
  this_thread();
  const ProcessRef mine = this_process(the_arena());
  REQUIRE(mine);
  const auto body = [&] {
    this_thread();
    const ProcessRef child = this_process(the_arena());
    demand(child && child != mine, "the child has an identity of its own");
    demand(this_thread().slot->thread_id == this_thread_id(), "its thread too");
    demand(the_arena().process(child.slot()).pid == this_process_id(), "its slot has its id");
  };
  CHECK(in_child(body) == 0);
  CHECK(exit_status(start_by_underscore_fork(body)) == 0);
  CHECK(exit_status(start_by_clone(body)) == 0);
  CHECK(this_process(the_arena()) == mine);
}

TEST_CASE("register_process: a child by fork has its slot before it runs, others when they use the library",
          "[detail][registration]") {
  this_thread();
  CHECK(in_child([] { return static_cast<bool>(this_process(the_arena())); }) == 0);
  CHECK(exit_status(start_by_underscore_fork([] { demand(!this_process(the_arena()), "not yet known"); })) == 0);
}

TEST_CASE("register_process: a child by fork counts from before the fork on", "[detail][registration]") {
  this_thread();
  const ArenaMemory arena = the_arena();
  const std::uint64_t before = arena.header().forks;
  Outside<std::atomic<std::uint64_t>> birth;
  REQUIRE(in_child([&] { *birth = arena.process(this_process(arena).slot()).birth.load(); }) == 0);
  CHECK(*birth == before + 1);
}

TEST_CASE("register_thread: a thread that ends by itself, unknown to the library, is recovered by the next",
          "[detail][registration]") {
  // The main thread of a child never unregisters; the kernel marks its token, and someone takes the slot.
  const ArenaMemory arena = the_arena();
  const std::uint64_t deaths = arena.header().deaths;
  Outside<std::atomic<std::uint32_t>> owner;
  REQUIRE(in_child([&] { *owner = this_thread().owner.bits(); }) == 0);
  for (int i = 0; i < 500 && arena.header().deaths == deaths; ++i) in_thread();
  CHECK(arena.header().deaths > deaths);
}

TEST_CASE("register_thread: a thread may use the library after its slot was given up, at its very end",
          "[detail][registration]") {
  static OwnerRef first, late;
  first = late = OwnerRef();
  // Made before the arena's own key in no process: destructors of keys run in any order, and repeatedly.
  static const ThreadKey key = make_thread_key([](void*) { late = this_thread().owner; });
  std::thread([] {
    first = this_thread().owner;
    set_thread_value(key, &first);
  }).join();
  CHECK(first);
  CHECK(late);
  CHECK(is_dead(the_arena(), first));
  CHECK(is_dead(the_arena(), late));
}

TEST_CASE("register_thread: beyond 8191 threads there is an error, and room again when one has ended",
          "[detail][registration]") {
  CHECK(in_child([] {
          this_thread();
          const ArenaMemory arena = the_arena();
          while (registration::grow_threads(arena)) {
          }
          // A thread for each slot would take more memory than a test may: this one takes the tokens of all.
          std::vector<RobustMutex*> taken;
          for (std::uint32_t i = 0; i < slot_limit; ++i)
            if (arena.thread(i).token.try_lock() == RobustMutex::Result::taken) taken.push_back(&arena.thread(i).token);
          std::string error;
          const auto use = [&] {
            try {
              this_thread();
            } catch (const mp::RuntimeError& thrown) {
              error = thrown.what();
            }
          };
          std::thread(use).join();
          demand(error.find("8191 threads") != std::string::npos, "the limit is told: " + error);
          error.clear();
          taken.back()->unlock();
          taken.pop_back();
          std::thread(use).join();
          demand(error.empty(), "there is room again: " + error);
          for (RobustMutex* token : taken) token->unlock();
        }) == 0);
}

TEST_CASE("take_process_slot: beyond 8191 processes there is an error", "[detail][registration]") {
  CHECK(in_child([] {
          this_thread();
          const ArenaMemory arena = the_arena();
          arena.header().process_slots_ready =
              0;  // counts as if all were out: none is looked at, and none can be added
          const RobustGuard guard(arena.header().registry, []() noexcept {});
          while (registration::grow_processes(arena)) {
          }
          for (std::uint32_t i = 0; i < slot_limit; ++i) {
            arena.process(i).state = ProcessSlot::alive;
            arena.process(i).pid = 1;
            arena.process(i).seen = boot_time();
          }
          demand_throws<mp::RuntimeError>([&] { registration::take_process_slot(arena); }, "8191 processes");
          arena.process(5).state = ProcessSlot::free;
          demand(registration::take_process_slot(arena) == 5, "the free one is found");
        }) == 0);
}
