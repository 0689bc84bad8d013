// SPDX-License-Identifier: BSL-1.0
/// \file
/// allocator: memory of the arena for containers.
#pragma once

#include <multiprocessing/detail/memory/heap.hpp>

#include <boost/interprocess/offset_ptr.hpp>

#include <cstddef>
#include <limits>
#include <new>
#include <string>

namespace multiprocessing {

/// An allocator whose memory lies in the arena, for the containers of `boost::interprocess` and `boost::container`: its
/// pointers are offsets, so that what it holds means the same in every process. Python has no counterpart.
///
/// Shared:  any process may free what another allocated.
/// Threads: may be used by any thread; takes no lock but to get a new chunk of 64 KiB or a block of more than 15 KiB.
/// Fork:    blocks allocated before and after are the same for parent and child.
/// Death:   a block that was returned stays until it is freed; a kill inside allocate() or deallocate() leaks one at most.
/// Cost:    a few nanoseconds for up to 15 KiB; no system call unless memory is taken from, or given back to, the system.
template <class T>
class allocator {
 public:
  using value_type = T;
  using pointer = boost::interprocess::offset_ptr<T>;
  using const_pointer = boost::interprocess::offset_ptr<const T>;
  using void_pointer = boost::interprocess::offset_ptr<void>;
  using const_void_pointer = boost::interprocess::offset_ptr<const void>;
  using reference = T&;
  using const_reference = const T&;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  template <class U>
  struct rebind {
    using other = allocator<U>;
  };

  allocator() = default;
  template <class U>
  allocator(const allocator<U>&) noexcept {}

  /// Memory for `count` objects. Throws ArenaFull (a std::bad_alloc) with what was asked and what is free.
  [[nodiscard]] pointer allocate(size_type count) {
    static_assert(alignof(T) <= detail::chunk_bytes, "allocator<T>: the arena aligns to 64 KiB at the most");
    if (count > max_size())
      throw ArenaFull("arena: asked for " + std::to_string(count) + " objects of " + std::to_string(sizeof(T)) +
                      " bytes, more than can be addressed");
    return static_cast<T*>(detail::Heap(detail::this_thread()).allocate(count * sizeof(T), alignof(T)));
  }

  /// Gives memory back. Never throws: a pointer that did not come from allocate() marks the arena, and the next call that uses
  /// it throws CorruptArena.
  void deallocate(pointer block, size_type) noexcept {
    if (block) detail::Heap::free(boost::interprocess::ipcdetail::to_raw_pointer(block));
  }

  size_type max_size() const noexcept { return std::numeric_limits<std::size_t>::max() / 2 / sizeof(T); }

  friend bool operator==(const allocator&, const allocator&) noexcept { return true; }
};

}  // namespace multiprocessing
