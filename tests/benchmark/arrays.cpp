// SPDX-License-Identifier: BSL-1.0
/// \file
/// Array and RawArray beside std::vector and memcpy.
#include "peers.hpp"

#include <multiprocessing/sharedctypes.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <string>
#include <vector>

namespace benchmark {
namespace {

namespace mp = multiprocessing;

constexpr std::size_t kib = 1024;
constexpr std::size_t page = 4 * kib;
constexpr std::size_t loop_size = 64 * kib;

/// The time of one element in a loop over all of them.
template <class Loop>
Figures per_element(Loop loop) {
  return {per_call(loop) / loop_size, {}};
}

Figures loop_over_vector() {
  std::vector<int> numbers(loop_size);
  return per_element([&] {
    for (int& n : numbers) n += 1;
    barrier();
  });
}

Figures loop_over_raw_array() {
  const mp::RawArray<int> numbers(loop_size);
  return per_element([&] {
    for (int& n : numbers) n += 1;
    barrier();
  });
}

Figures loop_under_one_lock() {
  const mp::Array<int> numbers(loop_size);
  return per_element([&] {
    const std::scoped_lock guard(numbers);
    for (int& n : numbers.get_obj()) n += 1;
    barrier();
  });
}

Figures index_in_vector() {
  std::vector<int> numbers(loop_size);
  return per_element([&] {
    for (std::size_t i = 0; i < loop_size; ++i) {
      numbers.at(i) += 1;
      barrier();
    }
  });
}

Figures index_in_raw_array() {
  const mp::RawArray<int> numbers(loop_size);
  return per_element([&] {
    for (std::size_t i = 0; i < loop_size; ++i) {
      numbers[i] += 1;
      barrier();
    }
  });
}

Figures locked_loop_over_array() {
  const mp::Array<int> numbers(loop_size);
  return per_element([&] {
    for (auto&& n : numbers) n += 1;
  });
}

template <class Mutex>
Figures locked_loop_over_vector() {
  std::vector<int> numbers(loop_size);
  const Mutex mutex;
  return per_element([&] {
    for (int& n : numbers) {
      const std::scoped_lock guard(mutex);
      n += 1;
      barrier();
    }
  });
}

/// Memory of its own pages, some bytes into the first: where a row lies within its page decides how fast glibc copies
/// it.
class Row {
 public:
  Row(std::size_t bytes, std::size_t offset) : memory_(std::aligned_alloc(page, (bytes + 2 * page) / page * page)) {
    if (memory_ == nullptr) throw std::bad_alloc();
    std::memset(memory_, 1, (bytes + 2 * page) / page * page);
    row_ = {reinterpret_cast<int*>(static_cast<std::byte*>(memory_) + offset % page), bytes / sizeof(int)};
  }
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;
  ~Row() { std::free(memory_); }

  std::span<int> elements() const { return row_; }

 private:
  void* memory_;
  std::span<int> row_;
};

/// Where `address` lies in its page.
std::size_t in_page(const void* address) { return reinterpret_cast<std::uintptr_t>(address) % page; }

/// Copies a row into another that lies `ahead` bytes further into its page.
template <std::size_t bytes, std::size_t ahead>
Figures copy_by_memcpy() {
  const Row from(bytes, 64);
  const Row to(bytes, 64 + ahead);
  return {per_call([&] {
            std::memcpy(to.elements().data(), from.elements().data(), bytes);
            barrier();
          }),
          {}};
}

template <std::size_t bytes, std::size_t ahead>
Figures assign() {
  const mp::Array<int> numbers(bytes / sizeof(int));
  const Row from(bytes, in_page(numbers.get_obj().data()) + page - ahead);
  return {per_call([&] {
            numbers.assign({}, {}, from.elements());
            barrier();
          }),
          {}};
}

template <std::size_t bytes>
Figures slice() {
  const mp::Array<int> numbers(bytes / sizeof(int));
  return {per_call([&] { use(numbers.slice()); }), {}};
}

template <std::size_t bytes>
Figures copy_of_vector() {
  const std::vector<int> numbers(bytes / sizeof(int));
  return {per_call([&] { use(std::vector<int>(numbers)); }), {}};
}

const Add raw_loop{{.name = "array.raw_loop",
                    .says = "an element of a loop that adds to each of 65536, without a lock",
                    .contenders = {limit("std::vector", loop_over_vector), ours("RawArray", loop_over_raw_array)},
                    .targets = {{"std::vector", 1.1, 1.05}}}};

const Add span_loop{{.name = "array.loop_under_one_lock",
                     .says = "an element of a loop that adds to each of 65536, under one lock",
                     .contenders = {limit("std::vector", loop_over_vector), ours("Array", loop_under_one_lock)},
                     .targets = {{"std::vector", 1.1, 1.05}}}};

const Add raw_index{{.name = "array.raw_index",
                     .says = "add to the element at an index, which is checked",
                     .contenders = {limit("std::vector::at", index_in_vector), ours("RawArray", index_in_raw_array)},
                     .targets = {{"std::vector::at", 1.1, 1.05}}}};

const Add locked_loop{
    {.name = "array.locked_loop",
     .says = "an element of a loop that adds to each of 65536, each under the lock",
     .contenders = {limit("two CAS", locked_loop_over_vector<InSharedMemory<TwoExchanges>>),
                    ours("Array", locked_loop_over_array), peer("pthread mutex", locked_loop_over_vector<PlainMutex>),
                    peer("robust recursive pthread mutex", locked_loop_over_vector<RobustRecursiveMutex>)},
     .targets = {{"two CAS", 1.54, 1.21}}}};

template <std::size_t bytes>
Case slices(const char* name) {
  return {.name = name,
          .says = "a copy of an array as a new vector",
          .contenders = {limit("std::vector", copy_of_vector<bytes>), ours("Array", slice<bytes>)},
          .targets = {{"std::vector", 1.1, 1.05}}};
}

const Add slice_4k{slices<4 * kib>("array.slice_4KiB")};
const Add slice_64k{slices<64 * kib>("array.slice_64KiB")};
const Add slice_1m{slices<kib * kib>("array.slice_1MiB")};

// 0.8 of memcpy's speed; boldly 0.95.
const std::vector<Target> copy_targets = {{"memcpy", 1.25, 1.05}};

template <std::size_t bytes>
Case assigns(const char* name) {
  return {.name = name,
          .says = "all elements from a vector that lies as favourably",
          .contenders = {limit("memcpy", copy_by_memcpy<bytes, 0>), ours("Array", assign<bytes, 0>)},
          .targets = copy_targets};
}

const Add assign_4k{assigns<4 * kib>("array.assign_4KiB")};
const Add assign_64k{assigns<64 * kib>("array.assign_64KiB")};
const Add assign_1m{assigns<kib * kib>("array.assign_1MiB")};

// Some processors copy twenty times slower by "rep movsb", which glibc chooses, where the target lies a few bytes
// further into its page.
template <std::size_t bytes, std::size_t ahead>
Case unfavourable_assigns(const char* name) {
  return {.name = name,
          .says = "all elements from a row that lies " + std::to_string(ahead) + " bytes less far into its page",
          .contenders = {limit("memcpy of rows that lie well", copy_by_memcpy<bytes, 0>),
                         ours("Array", assign<bytes, ahead>),
                         peer("memcpy of rows that lie the same", copy_by_memcpy<bytes, ahead>)},
          // Twice is what unaligned rows may cost; more is the trap.
          .targets = {{"memcpy of rows that lie well", 2, {}}, {"memcpy of rows that lie the same", 1.25, 1.05}}};
}

const Add assign_4k_8{unfavourable_assigns<4 * kib, 8>("array.assign_4KiB_ahead_8")};
const Add assign_64k_8{unfavourable_assigns<64 * kib, 8>("array.assign_64KiB_ahead_8")};
const Add assign_64k_12{unfavourable_assigns<64 * kib, 12>("array.assign_64KiB_ahead_12")};
const Add assign_1m_8{unfavourable_assigns<kib * kib, 8>("array.assign_1MiB_ahead_8")};

}  // namespace
}  // namespace benchmark
