// SPDX-License-Identifier: BSL-1.0
/// \file
/// The arena beside malloc and the segment manager of Boost.Interprocess; handles beside shared_ptr; what first use
/// costs.
#include "engine/sides.hpp"

#include <multiprocessing/arena.hpp>
#include <multiprocessing/synchronize.hpp>

#include <boost/interprocess/indexes/iset_index.hpp>
#include <boost/interprocess/managed_external_buffer.hpp>
#include <boost/interprocess/mem_algo/rbtree_best_fit.hpp>
#include <boost/interprocess/sync/mutex_family.hpp>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace benchmark {
namespace {

namespace bip = boost::interprocess;
namespace mp = multiprocessing;

class Arena {
 public:
  std::byte* allocate(std::size_t bytes) { return bip::ipcdetail::to_raw_pointer(allocator_.allocate(bytes)); }
  void deallocate(std::byte* block, std::size_t bytes) { allocator_.deallocate(block, bytes); }

 private:
  mp::allocator<std::byte> allocator_;
};

class Malloc {
 public:
  std::byte* allocate(std::size_t bytes) { return static_cast<std::byte*>(std::malloc(bytes)); }
  void deallocate(std::byte* block, std::size_t) { std::free(block); }
};

/// As managed_shared_memory, but without a name that a killed run would leave behind.
template <std::size_t size>
class BoostSegmentOf {
 public:
  std::byte* allocate(std::size_t bytes) { return static_cast<std::byte*>(segment_.allocate(bytes)); }
  void deallocate(std::byte* block, std::size_t) { segment_.deallocate(block); }

 private:
  using Segment =
      bip::basic_managed_external_buffer<char, bip::rbtree_best_fit<bip::mutex_family, bip::offset_ptr<void>>,
                                         bip::iset_index>;
  struct Memory {
    alignas(64) std::array<std::byte, size> bytes;
  };

  SharedBox<Memory> memory_;
  Segment segment_{bip::create_only, &memory_->bytes, sizeof(Memory)};
};
using BoostSegment = BoostSegmentOf<std::size_t{64} << 20>;

template <class Memory, std::size_t bytes>
Figures pair() {
  Memory memory;
  return {per_call([&] {
            std::byte* const block = memory.allocate(bytes);
            use(block);
            memory.deallocate(block, bytes);
          }),
          {}};
}

/// A thousand blocks live at once and die in another order; the time is for one of them.
template <class Memory, std::size_t bytes>
Figures thousand() {
  constexpr std::size_t blocks = 1000;
  constexpr std::size_t stride = 379;  // prime to it
  Memory memory;
  std::array<std::byte*, blocks> live{};
  return {per_call([&] {
            for (auto& block : live) block = memory.allocate(bytes);
            barrier();
            for (std::size_t i = 0; i < blocks; ++i) memory.deallocate(live[i * stride % blocks], bytes);
          }) / blocks,
          {}};
}

/// Two processes, each with blocks of its own. (Malloc is no peer: it does not share.)
template <class Memory, std::size_t bytes>
Figures two_processes() {
  Memory memory;
  return compete(2, [&] {
    std::byte* const block = memory.allocate(bytes);
    use(block);
    memory.deallocate(block, bytes);
  });
}

template <std::size_t bytes>
std::vector<Contender> pairs() {
  return {limit("malloc", pair<Malloc, bytes>), ours("allocator", pair<Arena, bytes>),
          peer("boost managed segment", pair<BoostSegment, bytes>)};
}

template <std::size_t bytes>
std::vector<Contender> thousands() {
  return {limit("malloc", thousand<Malloc, bytes>), ours("allocator", thousand<Arena, bytes>),
          peer("boost managed segment", thousand<BoostSegment, bytes>)};
}

// Of malloc's 9.23 ns: 25 ns, boldly 10.
const std::vector<Target> small_targets = {{"malloc", 2.7, 1.08}, {"boost managed segment", 0.1, 0.04}};

const Add pair_64{
    {.name = "memory.64B", .says = "allocate and free", .contenders = pairs<64>(), .targets = small_targets}};
const Add pair_4k{
    {.name = "memory.4KiB", .says = "allocate and free", .contenders = pairs<4096>(), .targets = small_targets}};
const Add pair_1m{{.name = "memory.1MiB", .says = "allocate and free", .contenders = pairs<std::size_t{1} << 20>()}};
const Add thousand_64{{.name = "memory.64B_thousand",
                       .says = "allocate and free one of 1000 live blocks",
                       .contenders = thousands<64>()}};
const Add thousand_4k{{.name = "memory.4KiB_thousand",
                       .says = "allocate and free one of 1000 live blocks",
                       .contenders = thousands<4096>()}};
const Add two_64{{.name = "memory.64B_two_processes",
                  .says = "two processes allocate and free",
                  .place = Place::two_cores,
                  .contenders = {ours("allocator", two_processes<Arena, 64>),
                                 peer("boost managed segment", two_processes<BoostSegment, 64>)}}};
const Add two_1m{{.name = "memory.1MiB_two_processes",
                  .says = "two processes allocate and free",
                  .place = Place::two_cores,
                  .contenders = {ours("allocator", two_processes<Arena, std::size_t{1} << 20>),
                                 peer("boost managed segment", two_processes<BoostSegment, std::size_t{1} << 20>)}}};

template <class Handle>
Figures copy_of(const Handle& handle) {
  return {per_call([&] {
            const Handle copy(handle);
            use(copy);
          }),
          {}};
}

Figures copy_of_shared_ptr_alone() { return copy_of(std::make_shared<int>()); }
Figures copy_of_shared_ptr() {
  std::thread([] {}).join();  // from now on it counts as threads must
  return copy_of(std::make_shared<int>());
}

const Add handle_copy{
    {.name = "handle.copy",
     .says = "copy a handle and drop the copy",
     .contenders = {ours("Lock", [] { return copy_of(mp::Lock()); }), peer("shared_ptr", copy_of_shared_ptr),
                    peer("shared_ptr in a program without threads", copy_of_shared_ptr_alone)},
     .targets = {{"shared_ptr", 1.1, {}}}}};

template <class Handle>
Figures made_and_dropped() {
  return {per_call([] {
            const Handle made;
            use(made);
          }),
          {}};
}

struct SharedInt {
  std::shared_ptr<int> number = std::make_shared<int>();
};

const Add handle_make{
    {.name = "handle.make",
     .says = "make a Lock in the arena and drop it",
     .contenders = {ours("Lock", made_and_dropped<mp::Lock>), limit("make_shared", made_and_dropped<SharedInt>)}}};

/// A thread that does nothing but use a lock once.
template <class Mutex>
Figures thread_that_locks() {
  Mutex mutex;
  return {per_call([&] { std::thread([&] { const std::scoped_lock guard(mutex); }).join(); }), {}};
}

const Add new_thread{
    {.name = "thread.first_use",
     .says = "start and join a thread that takes a lock once: registers it and gives its slot back",
     .contenders = {limit("std::mutex", thread_that_locks<std::mutex>), ours("Lock", thread_that_locks<mp::Lock>)},
     .targets = {{"std::mutex", 1.3, 1.1}}}};

template <class Function>
double time_once(Function function) {
  const auto begin = Clock::now();
  function();
  return Nanoseconds(Clock::now() - begin).count();
}

Figures first_lock() {
  return in_new_processes([] { return time_once([] { use(mp::Lock()); }); });
}
/// What any shared memory begins with.
Figures first_mapping() {
  return in_new_processes([] {
    return time_once([] {
      const int file = ::memfd_create("benchmark", MFD_CLOEXEC);
      const std::size_t bytes = std::size_t{1} << 20;
      if (::ftruncate(file, bytes) != 0) throw std::runtime_error("ftruncate failed");
      void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
      if (memory == MAP_FAILED) throw std::runtime_error("mmap failed");
      *static_cast<volatile char*>(memory) = 1;
    });
  });
}
Figures first_segment() {
  return in_new_processes([] {
    return time_once([] {
      BoostSegmentOf<std::size_t{1} << 20> segment;
      use(segment.allocate(64));
    });
  });
}

const Add first_use{
    {.name = "arena.first_use",
     .says = "the first Lock of a program: makes the arena, tests the kernel, registers process and thread",
     .contenders = {limit("memfd_create, mmap, one page", first_mapping), ours("Lock", first_lock),
                    peer("boost managed segment", first_segment)}}};

}  // namespace
}  // namespace benchmark
