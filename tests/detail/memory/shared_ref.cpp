// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/memory/shared_ref.hpp>

#include "support/catch.hpp"
#include "support/outside.hpp"

#include <multiprocessing/arena/size.hpp>

#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace multiprocessing::detail;
namespace mp = multiprocessing;

namespace {

struct Thing {
  std::uint64_t number = 0;
};
using Ref = SharedRef<Thing>;

Ref make(std::uint64_t number = 7, std::size_t extra = 0) {
  return Ref::make(ObjectKind::other, extra, [number](void* at) { return new (at) Thing{number}; });
}
std::size_t objects() { return mp::arena_usage().objects; }
std::size_t used() { return mp::arena_usage().used; }

/// A child that lives until told otherwise, and has run: one that was killed before is not known to be gone for ten seconds.
struct LivingChild {
  LivingChild()
      : pid(start_child([this] {
          steps.reach(1);
          for (;;) ::pause();
        })) {
    REQUIRE(steps.await(1));
  }
  void end() { kill_child(std::exchange(pid, 0)); }
  ~LivingChild() {
    if (pid != 0) end();
  }
  Steps steps;
  pid_t pid;
};

}  // namespace

TEST_CASE("SharedRef: copies refer to one object, which goes with the last of them", "[detail][shared_ref]") {
  const std::size_t before = objects(), bytes = used();
  {
    std::optional<Ref> first = make();
    Ref second = *first;
    second->number = 8;
    CHECK((*first)->number == 8);
    CHECK(*first == second);
    first.reset();
    CHECK(second->number == 8);
    CHECK(objects() == before + 1);
    const Ref moved = std::move(second);
    CHECK(second->number == 8);  // moving copies: a handle is never empty
    CHECK(moved == second);
  }
  CHECK(objects() == before);
  CHECK(used() == bytes);
}

TEST_CASE("SharedRef: assignment rebinds, also to itself", "[detail][shared_ref]") {
  const std::size_t before = objects();
  Ref a = make(1), b = make(2);
  CHECK_FALSE(a == b);
  a = b;
  CHECK(a == b);
  CHECK(a->number == 2);
  CHECK(objects() == before + 1);
  const Ref& same = a;
  a = same;
  CHECK(a->number == 2);
}

TEST_CASE("SharedRef: a builder that throws leaves nothing", "[detail][shared_ref]") {
  const std::size_t before = objects(), bytes = used();
  for (const std::size_t extra : {std::size_t{0}, std::size_t{1} << 20})
    CHECK_THROWS_AS(Ref::make(ObjectKind::other, extra, [](void*) -> Thing* { throw std::domain_error("no"); }),
                    std::domain_error);
  CHECK(objects() == before);
  CHECK(used() == bytes);
}

TEST_CASE("SharedRef: a large object has its bytes, and goes when it should", "[detail][shared_ref]") {
  const std::size_t bytes = used();
  {
    const Ref large = make(5, 3 << 20);
    CHECK(used() >= bytes + (3 << 20));
    CHECK(reinterpret_cast<std::uintptr_t>(large.unchecked()) % 64 == object_offset);
    CHECK(in_child([&] { large->number = 9; }) == 0);
    CHECK(large->number == 9);
  }
  CHECK(used() == bytes);
}

TEST_CASE("SharedRef: without a fork since, the object is freed at once", "[detail][shared_ref]") {
  const std::size_t before = objects();
  const LivingChild older;
  make();
  CHECK(the_arena().header().dropped == 0);
  CHECK(objects() == before);
}

TEST_CASE("SharedRef: what a living child may hold is kept, until it has ended", "[detail][shared_ref]") {
  const bool large = GENERATE(false, true);
  CAPTURE(large);
  const std::size_t before = objects(), bytes = used();
  std::optional<Ref> thing = make(5, large ? 1 << 20 : 0);
  Steps steps;
  Outside<std::atomic<std::uint64_t>> seen;
  const pid_t child = start_child([&] {
    steps.await(1);
    *seen = (*thing)->number;
    steps.reach(2);
    for (;;) ::pause();
  });
  LivingChild another;
  thing.reset();
  CHECK(objects() == before + 1);
  steps.reach(1);
  REQUIRE(steps.await(2));
  CHECK(*seen == 5);
  kill_child(child);
  CHECK(objects() == before + 1);
  another.end();
  CHECK(objects() == before);
  CHECK(used() == bytes);
  CHECK(the_arena().header().dropped == 0);
}

TEST_CASE("SharedRef: who is born after an object was let go does not keep it", "[detail][shared_ref]") {
  const std::size_t before = objects();
  std::optional<Ref> thing = make();
  Steps steps;
  const pid_t holder = start_child([&] {
    steps.reach(1);
    for (;;) ::pause();
  });
  REQUIRE(steps.await(1));
  thing.reset();
  CHECK(objects() == before + 1);
  const LivingChild younger;  // as a server has that always keeps some workers
  kill_child(holder);
  CHECK(objects() == before);
}

TEST_CASE("SharedRef: what a child has handed down to its own child is kept when the first is gone",
          "[detail][shared_ref]") {
  const std::size_t before = objects();
  std::optional<Ref> thing = make(7);
  Outside<std::atomic<pid_t>> last;
  Outside<std::atomic<std::uint64_t>> seen;
  Steps steps;
  const pid_t child = start_child([&] {
    const pid_t middle = start_child([&] {
      steps.await(1);  // let go by then
      *last = start_child([&] {
        steps.await(3);
        *seen = (*thing)->number;
        steps.reach(4);
        for (;;) ::pause();
      });
      for (;;) ::pause();
    });
    steps.await(1);
    while (*last == 0) ::sched_yield();
    kill_child(middle);
    steps.reach(2);
    for (;;) ::pause();
  });
  thing.reset();
  steps.reach(1);
  REQUIRE(steps.await(2));
  CHECK(objects() == before + 1);
  kill_child(child);
  CHECK(objects() == before + 1);
  steps.reach(3);
  REQUIRE(steps.await(4));
  CHECK(*seen == 7);
  ::kill(*last, SIGKILL);
  CHECK(wait_until([&] { return objects() == before; }));
}

TEST_CASE("SharedRef: what a child made outlives its killed maker for as long as one that may hold it",
          "[detail][shared_ref]") {
  const std::size_t before = objects(), bytes = used();
  const bool large = GENERATE(false, true);
  Outside<std::atomic<pid_t>> grandchild;
  Steps steps;
  Outside<std::atomic<std::uint64_t>> seen;
  const pid_t child = start_child([&] {
    const Ref thing = make(11, large ? 1 << 20 : 0);
    *grandchild = start_child([&] {
      steps.reach(1);
      steps.await(2);
      *seen = thing->number;
      steps.reach(3);
      for (;;) ::pause();
    });
    for (;;) ::pause();
  });
  REQUIRE(steps.await(1));
  REQUIRE(wait_until([&] { return *grandchild > 0; }));
  kill_child(child);
  CHECK(objects() == before + 1);
  steps.reach(2);
  REQUIRE(steps.await(3));
  CHECK(*seen == 11);
  ::kill(*grandchild, SIGKILL);
  CHECK(wait_until([&] { return objects() == before; }));
  CHECK(used() == bytes);
}

TEST_CASE("SharedRef: what a killed child made for itself comes back", "[detail][shared_ref]") {
  const std::size_t before = objects(), bytes = used();
  REQUIRE(in_child([] {
            static std::vector<Ref> things;
            for (int i = 0; i < 100; ++i) things.push_back(make()), things.push_back(make(1, 100'000));
            ::raise(SIGKILL);
          }) == 128 + SIGKILL);
  CHECK(objects() == before);
  CHECK(used() == bytes);
}

TEST_CASE("SharedRef: what was being freed when its maker died comes back", "[detail][shared_ref]") {
  const std::size_t before = objects(), bytes = used();
  const int step = GENERATE(0, 1);
  CAPTURE(step);
  REQUIRE(in_child([step] {
            const ArenaMemory arena = the_arena();
            ObjectHeader& header = header_of(make().unchecked());
            static Ref thing = make();
            ObjectHeader& mine = header_of(thing.unchecked());
            (void)header;
            if (step == 0) mine.id = 0;  // as drop_object() does first
            if (step == 1) {             // as drop_object() does first for what others may hold
              arena.header().dropped.fetch_add(1);
              mine.creator = 0;
            }
            ::raise(SIGKILL);
          }) == 128 + SIGKILL);
  CHECK(objects() == before);
  CHECK(used() == bytes);
}

TEST_CASE("SharedRef: a handle in a child does not end the object with the child", "[detail][shared_ref]") {
  const Ref thing = make(3);
  CHECK(in_child([&] {
          std::vector<Ref> copies(10, thing);
          copies.clear();
          ::exit(0);
        }) == 0);
  CHECK(thing->number == 3);
}

TEST_CASE("SharedRef: a child by _Fork or clone that nobody knew of is told that its object is gone",
          "[detail][shared_ref]") {
  const bool bare = GENERATE(false, true);
  CAPTURE(bare);
  std::optional<Ref> thing = make();
  Steps steps;
  const auto body = [&] {
    steps.await(1);
    demand_throws<mp::StaleHandle>([&] { (*thing)->number = 1; }, "this handle's object is gone");
    thing.reset();  // and letting it go is harmless
  };
  const pid_t child = bare ? start_by_clone(body) : start_by_underscore_fork(body);
  thing.reset();
  const Ref other = make(4);  // takes its place
  steps.reach(1);
  CHECK(exit_status(child) == 0);
  CHECK(other->number == 4);
}

TEST_CASE("SharedRef: a child by _Fork or clone that has used the library is waited for", "[detail][shared_ref]") {
  const std::size_t before = objects();
  std::optional<Ref> thing = make(6);
  Steps steps;
  const pid_t child = start_by_clone([&] {
    this_thread();
    steps.reach(1);
    steps.await(2);
    demand((*thing)->number == 6, "the object is still there");
  });
  REQUIRE(steps.await(1));
  thing.reset();
  steps.reach(2);
  CHECK(exit_status(child) == 0);
  CHECK(objects() == before);
}

TEST_CASE("SharedRef: a reference to an object's first member keeps the whole", "[detail][shared_ref]") {
  struct Whole {
    Thing first;
    std::uint64_t second;
  };
  const std::size_t before = objects();
  std::optional<SharedRef<Whole>> whole = SharedRef<Whole>::make(ObjectKind::other, 0, [](void* at) {
    return new (at) Whole{{1}, 2};
  });
  const Ref first(*whole, &Whole::first);
  whole.reset();
  CHECK(first->number == 1);
  CHECK(objects() == before + 1);
}

TEST_CASE("SharedRef: threads copy and drop handles of one object at will", "[detail][shared_ref]") {
  const std::size_t before = objects();
  {
    const Ref thing = make();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([thing] {
        for (int i = 0; i < 10'000; ++i) const Ref copy = thing;
      });
    }
    for (auto& thread : threads) thread.join();
  }
  CHECK(objects() == before);
}

TEST_CASE("SharedRef: threads make and drop objects while others look through all of them", "[detail][shared_ref]") {
  const std::size_t before = objects();
  const LivingChild child;  // so that some are left to those who look through
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([t] {
      for (std::uint64_t i = 0; i < 500; ++i) {
        const Ref thing = make(i, t == 0 ? 50'000 : 0);
        if (thing->number != i) std::abort();
      }
    });
  }
  std::thread looker([&] {
    while (!done) mp::arena_usage();
  });
  for (auto& thread : threads) thread.join();
  done = true;
  looker.join();
  CHECK(objects() == before);
}
