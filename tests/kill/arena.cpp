// SPDX-License-Identifier: BSL-1.0
/// \file
/// The arena: whoever dies while it allocates, frees or makes a handle leaves an arena in which all others go on.
#include <multiprocessing/arena/allocator.hpp>
#include <multiprocessing/arena/size.hpp>
#include <multiprocessing/synchronize/lock.hpp>

#include "engine/registry.hpp"
#include "engine/storm.hpp"
#include "engine/sweep.hpp"

#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

namespace mp = multiprocessing;
using namespace kill_test;

/// Blocks are written from end to end: two owners of one would see each other's bytes.
class Block {
 public:
  explicit Block(std::size_t bytes) : bytes_(bytes), memory_(mp::allocator<std::byte>().allocate(bytes)) {
    std::memset(&*memory_, mark(), bytes_);
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { mp::allocator<std::byte>().deallocate(memory_, bytes_); }

  void check() const {
    for (const std::size_t i : {std::size_t{0}, bytes_ / 2, bytes_ - 1}) {
      if (static_cast<unsigned char>((&*memory_)[i]) != mark())
        throw std::runtime_error("another owner wrote into a block");
    }
  }

 private:
  static unsigned char mark() { return static_cast<unsigned char>(::getpid()); }

  std::size_t bytes_;
  mp::allocator<std::byte>::pointer memory_;
};

/// A process that is new to the arena takes and frees blocks of every kind, several at once.
void use_all_sizes() {
  for (int round = 0; round < 3; ++round) {
    const Block tiny(16), small(64), middle(4096), chunk(64 << 10), large(1 << 20);
    for (const Block* block : {&tiny, &small, &middle, &chunk, &large}) block->check();
  }
}

template <std::size_t bytes>
struct Arena {
  using Pointer = mp::allocator<std::byte>::pointer;
  static Pointer allocate_one() { return mp::allocator<std::byte>().allocate(bytes); }

  // A thread's first block of a size is another path than its next ones.
  void warm_up() { mp::allocator<std::byte>().deallocate(allocate_one(), bytes); }
  void take() { mine = allocate_one(); }
  void allocate() { take(); }
  void free() { mp::allocator<std::byte>().deallocate(mine, bytes); }
  void pair() { allocate(), free(); }
  void use() { use_all_sizes(); }

  Pointer first = allocate_one();  // made by the process that forks all others: freed by the victim as a foreign block
  Pointer mine = nullptr;
  void free_foreign() { mp::allocator<std::byte>().deallocate(first, bytes); }
};

template <std::size_t bytes>
bool add_scenarios(const std::string& size) {
  using S = Arena<bytes>;
  const auto add = [&size](const std::string& operation, Sweep<S> sweep) {
    sweep.name = "arena." + operation + "_" + size;
    sweep.use = &S::use;
    sweep.fresh_world = true;
    sweep.standard_points = 300;  // a thread's first chunk is 30,000 instructions of loops
    Add{std::move(sweep)};
  };
  add("first_allocate", {.act = &S::allocate});
  add("allocate", {.prepare = &S::warm_up, .act = &S::allocate});
  add("free", {.prepare = &S::take, .act = &S::free});
  add("free_foreign", {.act = &S::free_foreign});
  add("recovery", {.act = &S::pair, .recover = &S::pair});
  return true;
}

const bool added[] = {add_scenarios<64>("64"), add_scenarios<4096>("4096"), add_scenarios<(64 << 10)>("65536"),
                      add_scenarios<(1 << 20)>("1048576")};

/// Nothing of the library is used before the processes are forked, so that each makes an arena of its own.
struct Nothing {};

const Add create{Sweep<Nothing>{
    .name = "arena.create",
    .act = [](Nothing&) { mp::Lock lock; },
    .use = [](Nothing&) { use_all_sizes(); },
    .fresh_world = true,
    .standard_points = 300,
}};

/// Handles: made, copied and dropped.
struct Handles {
  void make() { mp::Lock lock; }
  void copy() {
    const mp::Lock one = shared;
    const mp::Lock two = one;
    two.acquire();
    two.release();
  }
  void use() { make(), copy(), use_all_sizes(); }
  mp::Lock shared;
};

const Add handle_make{Sweep<Handles>{.name = "handle.make_and_drop",
                                     .act = &Handles::make,
                                     .use = &Handles::use,
                                     .fresh_world = true,
                                     .standard_points = 300}};
const Add handle_copy{Sweep<Handles>{
    .name = "handle.copy", .act = &Handles::copy, .use = &Handles::use, .fresh_world = true, .standard_points = 300}};

/// Blocks of all sizes are taken and freed by everybody; what one holds nobody else may get.
struct Heap {
  Heap() { use_all_sizes(); }
  void work(Worker& worker) {
    constexpr std::array<std::size_t, 6> sizes{16, 64, 500, 4096, 64 << 10, 1 << 20};
    std::array<std::optional<Block>, 4> blocks;
    worker.waits([&] {
      for (auto& block : blocks) block.emplace(sizes[worker.random()() % (worker.random()() % 8 == 0 ? 6 : 4)]);
    });
    for (const auto& block : blocks) block->check();
    worker.progress();
  }
  bool sane() { return use_all_sizes(), true; }
};

const Add heap_storm{Storm<Heap>{.name = "arena.storm", .work = &Heap::work, .sane = &Heap::sane}};
const Add heap_threads{Storm<Heap>{
    .name = "arena.storm_of_ending_threads", .work = &Heap::work, .sane = &Heap::sane, .workers = 3, .threads = 2}};

/// Nothing is handed over: when the dead are gone, all that they had taken must be back.
struct Drafts {
  Drafts() { use_all_sizes(); }
  void work(Worker& worker) {
    namespace detail = mp::detail;
    constexpr std::array<std::size_t, 5> sizes{16, 500, 4096, 64 << 10, 1 << 20};
    std::array<void*, 3> blocks{};
    worker.waits([&] {
      for (void*& block : blocks)
        block =
            detail::Heap(detail::this_thread())
                .allocate(sizes[worker.random()() % sizes.size()], 16, detail::Domain::raw, detail::BlockState::draft);
    });
    for (void* block : blocks) detail::Heap::free(block);
    worker.progress();
  }
  bool sane() {
    use_all_sizes();
    const mp::ArenaUsage after = mp::arena_usage();
    return after.used == before.used;
  }
  mp::ArenaUsage before = (use_all_sizes(), mp::arena_usage());
};
const Add drafts_storm{Storm<Drafts>{.name = "arena.storm_of_drafts", .work = &Drafts::work, .sane = &Drafts::sane}};

}  // namespace
