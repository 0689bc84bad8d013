// SPDX-License-Identifier: BSL-1.0
/// \file
/// What objects point to: counted blocks of private memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

namespace multiprocessing::detail {

/// What an object is. The order groups them: up to `real` they are compared as numbers, from `tuple` on they have a
/// node.
enum class Kind : std::uint8_t {
  none,
  boolean,
  integer,
  real,
  str,
  bytes,
  tuple,
  list,
  dict,
  set,
  frozenset,
  bytearray,
  slice,
  array,
  global,
  instance
};

/// The head of each block. All strong references together hold one weak one, so that the memory outlives the content
/// while somebody may still ask whether the content is there.
struct Node {
  std::atomic<std::uint32_t> strong{1};
  std::atomic<std::uint32_t> weak{1};

  void add() noexcept { strong.fetch_add(1, std::memory_order_relaxed); }
  void add_weak() noexcept { weak.fetch_add(1, std::memory_order_relaxed); }

  /// Adds a strong reference unless the content is gone.
  bool lock() noexcept {
    for (std::uint32_t count = strong.load(std::memory_order_relaxed); count != 0;) {
      if (strong.compare_exchange_weak(count, count + 1, std::memory_order_acquire, std::memory_order_relaxed))
        return true;
    }
    return false;
  }

  /// Takes a strong reference away; returns whether it was the last. Who holds the only reference of all needs no
  /// atomic change to see that; with a weak one about, the count has to say that the content is gone.
  bool drop() noexcept {
    const bool only = strong.load(std::memory_order_acquire) == 1 && weak.load(std::memory_order_acquire) == 1;
    return only || strong.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }
  bool drop_weak() noexcept {
    return weak.load(std::memory_order_acquire) == 1 || weak.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }

  /// Whether another reference may lead here, so that writing it twice would lose an identity.
  bool shared() const noexcept {
    return strong.load(std::memory_order_relaxed) > 1 || weak.load(std::memory_order_relaxed) > 1;
  }
};

/// Text, bytes, the two's complement of an integer or the bytes of a float, behind their length.
struct BlobNode : Node {
  std::size_t size = 0;

  char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
  std::string_view view() noexcept { return {data(), size}; }

  static BlobNode* make(std::size_t size) {
    void* const memory = std::malloc(sizeof(BlobNode) + size);  // not operator new, for a Writer may let it grow
    if (memory == nullptr) throw std::bad_alloc();
    auto* node = new (memory) BlobNode;
    node->size = size;
    return node;
  }
  static BlobNode* make(std::string_view content) {
    auto* node = make(content.size());
    if (!content.empty()) std::memcpy(node->data(), content.data(), content.size());
    return node;
  }
};

/// Ends the content of a node whose last strong reference is gone, and gives its memory back unless somebody watches
/// it.
void end_node(Kind kind, Node* node) noexcept;
/// Gives back the memory of a node whose last weak reference is gone too.
void free_node(Kind kind, Node* node) noexcept;

}  // namespace multiprocessing::detail
