// SPDX-License-Identifier: BSL-1.0
/// \file
/// NumberTable and Indexed: what was met before, found by a key. (Of std::unordered_map each kind takes long to compile.)
#pragma once

#include <multiprocessing/object/compare.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

inline std::uint64_t key_of(const void* address) { return reinterpret_cast<std::uintptr_t>(address); }

/// Numbers by keys of 64 bits: a hash table with open addressing, at most half full.
class NumberTable {
 public:
  /// The number of what is not there; no key can have it.
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  std::uint32_t find(std::uint64_t key) const { return slots_.empty() ? none : slots_[place(key)].number; }

  void set(std::uint64_t key, std::uint32_t number) {
    if (used_ * 2 >= slots_.size()) grow();
    Slot& slot = slots_[place(key)];
    if (slot.number == none) ++used_;
    slot = {key, number};
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t number = none;
  };
  static constexpr std::size_t first_size = 16;

  /// Where the key is, or else belongs. The address makes it useless to look for keys that get into each other's way.
  std::size_t place(std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = mixed(key, reinterpret_cast<std::uintptr_t>(this)) & mask;
    while (slots_[at].number != none && slots_[at].key != key) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? first_size : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.number != none) slots_[place(slot.key)] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::size_t used_ = 0;
};

/// Entries by a hash; those of equal hashes are told apart by who looks for one.
template <class Entry>
class Indexed {
 public:
  /// The entry of that hash for which `is` says so; nullptr if there is none.
  template <class Is>
  const Entry* find(std::uint64_t hash, Is is) const {
    for (auto at = heads_.find(hash); at != NumberTable::none; at = entries_[at].next) {
      if (is(entries_[at].entry)) return &entries_[at].entry;
    }
    return nullptr;
  }

  void add(std::uint64_t hash, Entry entry) {
    entries_.push_back({std::move(entry), heads_.find(hash)});
    heads_.set(hash, static_cast<std::uint32_t>(entries_.size() - 1));
  }

 private:
  struct Link {
    Entry entry;
    std::uint32_t next;
  };

  std::vector<Link> entries_;
  NumberTable heads_;
};

}  // namespace multiprocessing::detail
