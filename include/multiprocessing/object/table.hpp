// SPDX-License-Identifier: BSL-1.0
/// \file
/// Table: the hash table behind dict and set, which keeps the order of insertion.
#pragma once

#include <multiprocessing/object/object.hpp>

#include <multiprocessing/errors.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// Equal keys have equal hashes; `seed` makes the hashes of one table useless to whoever would like to fill another.
std::uint64_t hash_object(const object& key, std::uint64_t seed);
/// Python's equality of keys and elements: identical, or equal.
bool same_key(const object& a, const object& b);
/// Whether a key has an instance of an unknown class in it, of which only Python knows what it is equal to.
bool has_instance(const object& key);

/// Entries in order of insertion, and beside them an index by hash: open addressing, at most half full, with a part of
/// each hash, so that an entry is looked at only if it is likely to be the one. As of CPython's dict, an erased entry
/// stays as a hole until the next growth.
class Table : public Node {
 public:
  struct Entry {
    object key;
    object value;
    std::uint64_t hash;  // 0 of a hole, odd else

    bool live() const { return hash != 0; }
  };

  std::size_t size() const { return live_; }
  /// With holes: those entries that are not `live()`.
  std::vector<Entry>& entries() { return entries_; }

  Entry* find(const object& key) { return live_ == 0 ? nullptr : at(find(key, hash(key), accept_equal)); }

  /// The entry of `key`, made if there was none; and whether it was made.
  std::pair<Entry*, bool> insert(object key) {
    const auto hashed = hash(key);
    return insert(std::move(key), hashed, accept_equal);
  }

  /// The same for what Python wrote: two instances of an unknown class in one dict are different whatever they look
  /// like.
  std::pair<Entry*, bool> insert_from_python(object key, std::uint64_t hashed) {
    return insert(std::move(key), hashed, [](const object& mine, const object& other) {
      return same_key(mine, other) && (mine.is(other) || !has_instance(mine));
    });
  }

  bool erase(const object& key) {
    Entry* found = find(key);
    if (found == nullptr) return false;
    // The entry's slot in the index stays, and leads to a hole.
    found->hash = 0;
    found->key = object();
    found->value = object();
    --live_;
    return true;
  }

  void clear() noexcept {
    live_ = 0;
    std::vector<Slot>().swap(index_);
    std::vector<Entry> ending;  // apart: what ends may look at this table
    ending.swap(entries_);
  }

  void reserve(std::size_t count) {
    entries_.reserve(count);
    if (count > unindexed) rebuild(count * 2);
  }

  // The address differs from table to table and, since the kernel lays memory out at random, from run to run.
  std::uint64_t hash(const object& key) const { return hash_object(key, reinterpret_cast<std::uintptr_t>(this)) | 1; }
  /// Has the memory fetched that an insertion by this hash will look at, so that many can wait for it together.
  void prefetch(std::uint64_t hash) const {
    if (!index_.empty()) __builtin_prefetch(&index_[slot_of(hash)]);
  }

 private:
  static constexpr std::uint32_t empty = std::numeric_limits<std::uint32_t>::max();
  struct Slot {
    std::uint32_t position = empty;
    std::uint32_t tag = 0;  // the upper half of the hash
  };

  static constexpr std::size_t unindexed = 8;  // so few entries are found faster one after the other
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  static bool accept_equal(const object& mine, const object& other) { return same_key(mine, other); }

  static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }
  std::size_t slot_of(std::uint64_t hash) const { return hash >> 1 & (index_.size() - 1); }
  std::size_t next_slot(std::size_t slot) const { return (slot + 1) & (index_.size() - 1); }
  Entry* at(std::size_t position) { return position == none ? nullptr : &entries_[position]; }

  template <class Accept>
  std::size_t find(const object& key, std::uint64_t hash, Accept accept) const {
    const auto matches = [&](const Entry& entry) { return entry.hash == hash && accept(entry.key, key); };
    if (index_.empty()) {
      for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (matches(entries_[i])) return i;
      }
      return none;
    }
    for (std::size_t slot = slot_of(hash); index_[slot].position != empty; slot = next_slot(slot)) {
      if (index_[slot].tag == tag_of(hash) && matches(entries_[index_[slot].position])) return index_[slot].position;
    }
    return none;
  }

  template <class Accept>
  std::pair<Entry*, bool> insert(object key, std::uint64_t hash, Accept accept) {
    if (const std::size_t found = find(key, hash, accept); found != none) return {&entries_[found], false};
    if (entries_.size() >= empty) throw MemoryError("dict: more than 4,294,967,294 entries");
    if (index_.empty() ? entries_.size() == unindexed : entries_.size() * 2 >= index_.size()) rebuild(live_ * 3);
    entries_.push_back({std::move(key), object(), hash});
    ++live_;
    if (!index_.empty()) link(entries_.size() - 1);
    return {&entries_.back(), true};
  }

  void link(std::size_t position) {
    const std::uint64_t hash = entries_[position].hash;
    std::size_t slot = slot_of(hash);
    while (index_[slot].position != empty) slot = next_slot(slot);
    index_[slot] = {static_cast<std::uint32_t>(position), tag_of(hash)};
  }

  /// Closes the holes, and makes an index of at least `slots`.
  void rebuild(std::size_t slots) {
    std::erase_if(entries_, [](const Entry& entry) { return !entry.live(); });
    index_.assign(std::bit_ceil(std::max<std::size_t>(slots, 4 * unindexed)), Slot());
    for (std::size_t i = 0; i < entries_.size(); ++i) link(i);
  }

  std::vector<Entry> entries_;
  std::vector<Slot> index_;
  std::size_t live_ = 0;
};

}  // namespace multiprocessing::detail
