// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/memory/objects.hpp>

#include "support/catch.hpp"
#include "support/fresh_arena.hpp"

using namespace multiprocessing::detail;

TEST_CASE("header_of: lies right before the object", "[detail][objects]") {
  alignas(64) std::array<std::byte, 128> block{};
  CHECK(reinterpret_cast<std::byte*>(&header_of(block.data() + object_offset)) == block.data());
}

TEST_CASE("lives_since: those born later, who live or may, and not the one who asks", "[detail][objects]") {
  CHECK(in_fresh_arena([] {
          this_thread();
          const ArenaMemory arena = the_arena();
          const ProcessRef me = this_process(arena);
          const std::uint64_t now = arena.header().forks;
          demand(!lives_since(arena, now, ProcessRef()), "nobody was born since");
          demand(lives_since(arena, now - 1, ProcessRef()), "this process was");
          demand(!lives_since(arena, now - 1, me), "and does not count for itself");
          prepare_for_fork();
          ProcessSlot& child = arena.process(ProcessRef(registration::expected_child).slot());
          demand(lives_since(arena, now, me), "a child that is about to be born counts");
          child.state = ProcessSlot::alive;
          demand(lives_since(arena, now, me), "one that lives does");
          demand(!lives_since(arena, now + 1, me), "but not for what was made after its birth");
          child.state = ProcessSlot::ending;
          demand(!lives_since(arena, now, me), "one that is gone does not");
        }) == 0);
}

TEST_CASE("may_be_held: by those born between an object's birth and its end, and by whom they handed down to",
          "[detail][objects]") {
  CHECK(in_fresh_arena([] {
          this_thread();
          const ArenaMemory arena = the_arena();
          child_will_be_announced();
          prepare_for_fork();
          ProcessSlot& child = arena.process(ProcessRef(registration::expected_child).slot());
          child.state = ProcessSlot::alive;
          const std::uint64_t born = child.birth;
          demand(may_be_held(arena, born - 1, born), "made before, let go after");
          demand(!may_be_held(arena, born, born), "made after");
          demand(!may_be_held(arena, born - 1, born - 1), "let go before");
          child.lineage = born - 1;
          demand(may_be_held(arena, born - 2, born - 1), "let go before, but its gone parent had it");
          child.state = ProcessSlot::ending;
          demand(!may_be_held(arena, born - 1, born), "it is gone");
        }) == 0);
}
