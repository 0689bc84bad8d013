// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/memory/identity.hpp>

#include "support/catch.hpp"
#include "support/outside.hpp"

#include <multiprocessing/detail/memory/heap.hpp>

using namespace multiprocessing::detail;

TEST_CASE("arena_exists: not before the first use", "[detail][identity]") {
  CHECK(in_child([] {
          demand(!arena_exists(), "not yet");
          the_arena();
          demand(arena_exists(), "now");
        }) == 0);
}

TEST_CASE("the_arena: is one for a process and its children", "[detail][identity]") {
  const ArenaMemory arena = the_arena();
  CHECK(the_arena().base() == arena.base());
  CHECK(in_child([&] { return the_arena().base() == arena.base(); }) == 0);
  CHECK(exit_status(start_by_clone([&] { demand(the_arena().base() == arena.base(), "clone"); })) == 0);
}

TEST_CASE("this_thread: what a child inherits is not taken for its own", "[detail][identity]") {
  const OwnerRef mine = this_thread().owner;
  const auto body = [&] {
    demand(!thread_identity.valid(), "the parent's is seen to be the parent's");
    demand(this_thread().owner != mine, "a new one is made");
    demand(thread_identity.valid(), "and valid");
    demand(!is_dead(the_arena(), mine), "the parent goes on");
  };
  CHECK(in_child(body) == 0);
  CHECK(exit_status(start_by_underscore_fork(body)) == 0);
  CHECK(exit_status(start_by_clone(body)) == 0);
  CHECK(this_thread().owner == mine);
  CHECK(exit_status(start_by_clone([&] {
          body();
          demand(in_child([&] { demand(this_thread().owner != mine, "a grandchild"); }) == 0,
                 "the grandchild is told apart");
        })) == 0);
}

TEST_CASE("the_arena: goes on in a program that closes all its descriptors and opens others", "[detail][identity]") {
  CHECK(in_child([] {
          this_thread();
          ::close_range(3, ~0u, 0);
          const Fd file(::memfd_create("mine", MFD_CLOEXEC));
          for (int i = 0; i < 16; ++i) [[maybe_unused]] const int copy = ::dup(file.get());
          std::byte* const block = static_cast<std::byte*>(Heap(this_thread()).allocate(8 << 20));
          block[(8 << 20) - 1] = std::byte{1};
          Heap(this_thread()).deallocate(block);
          struct stat status {};
          ::fstat(file.get(), &status);
          demand(status.st_size == 0 && status.st_blocks == 0, "its own file is not touched");
          demand(in_child([] { Heap(this_thread()).deallocate(Heap(this_thread()).allocate(100)); }) == 0,
                 "its children go on, too");
        }) == 0);
}
