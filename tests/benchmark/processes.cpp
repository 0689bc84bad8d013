// SPDX-License-Identifier: BSL-1.0
/// \file
/// Process beside the bare calls that no way to start a process can do without.
#include "engine/sides.hpp"

#include <multiprocessing/arena.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/synchronize.hpp>

#include <cstddef>

namespace benchmark {
namespace {

namespace mp = multiprocessing;

constexpr std::size_t gib = std::size_t{1} << 30;
constexpr std::size_t page = 4096;

void fork_and_wait() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  if (pid == -1 || ::waitpid(pid, nullptr, 0) != pid) throw std::system_error(errno, std::generic_category(), "fork");
}

void start_and_join() {
  mp::Process process([] {});
  process.start();
  process.join();
}

struct NothingHeld {};

/// A parent with 1 GiB of its own, as large programs have.
class GibOfItsOwn {
 public:
  GibOfItsOwn() {
    memory_ = ::mmap(nullptr, gib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap of 1 GiB");
    for (std::size_t at = 0; at < gib; at += page) static_cast<volatile char*>(memory_)[at] = 1;
  }
  GibOfItsOwn(const GibOfItsOwn&) = delete;
  GibOfItsOwn& operator=(const GibOfItsOwn&) = delete;
  ~GibOfItsOwn() { ::munmap(memory_, gib); }

 private:
  void* memory_;
};

/// A parent that has used the arena, so that each child gets a slot in it.
struct SmallArena {
  mp::Lock lock;
};

/// A parent with 1 GiB in the arena.
class GibInTheArena {
 public:
  GibInTheArena() : memory_(allocator_.allocate(gib)) {
    for (std::size_t at = 0; at < gib; at += page) static_cast<volatile char*>(memory_.get())[at] = 1;
  }
  GibInTheArena(const GibInTheArena&) = delete;
  GibInTheArena& operator=(const GibInTheArena&) = delete;
  ~GibInTheArena() { allocator_.deallocate(memory_, gib); }

 private:
  mp::allocator<char> allocator_;
  mp::allocator<char>::pointer memory_;
};

template <class Held>
Figures forks() {
  [[maybe_unused]] const Held held;
  return {per_call(fork_and_wait), {}};
}

template <class Held>
Figures processes() {
  [[maybe_unused]] const Held held;
  return {per_call(start_and_join), {}};
}

const char bare[] = "fork, _exit, waitpid";
const std::vector<Target> start_targets = {{bare, 1.3, 1.15}};

const Add small{{.name = "process.start_join",
                 .says = "start and join a process that does nothing",
                 .place = Place::free,
                 .contenders = {limit(bare, forks<NothingHeld>), ours("Process", processes<NothingHeld>)},
                 .targets = start_targets}};

const Add small_one_core{{.name = "process.start_join_one_core",
                          .says = "the same, where the scheduler has no choice",
                          .contenders = {limit(bare, forks<NothingHeld>), ours("Process", processes<NothingHeld>)},
                          .targets = start_targets}};

const Add large_parent{{.name = "process.start_join_gib_parent",
                        .says = "the same in a parent with 1 GiB of its own, whose page tables are copied",
                        .contenders = {limit(bare, forks<GibOfItsOwn>), ours("Process", processes<GibOfItsOwn>)},
                        .targets = start_targets}};

const Add large_arena{{.name = "process.start_join_gib_arena",
                       .says = "the same in a parent with 1 GiB in the arena, whose page tables are not",
                       .contenders = {limit(bare, forks<NothingHeld>), ours("Process", processes<GibInTheArena>)},
                       .targets = start_targets}};

const Add fork_with_arena{
    {.name = "process.fork_gib_arena",
     .says = "what an arena of 1 GiB adds to a bare fork",
     .contenders = {limit("no arena", forks<NothingHeld>), ours("arena", forks<GibInTheArena>),
                    peer("arena with one lock", forks<SmallArena>), peer("1 GiB of its own", forks<GibOfItsOwn>)},
     .targets = {{"no arena", 1.05, {}}, {"arena with one lock", 1.05, {}}}}};

}  // namespace
}  // namespace benchmark
