// SPDX-License-Identifier: BSL-1.0
/// \file
/// HolderTable: who holds how much of a shared resource.
#pragma once

#include <multiprocessing/detail/memory/thread_identity.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

namespace multiprocessing::detail {

/// One holder and its count in one word, so that each change is one store and a death leaves it whole.
class Holding {
 public:
  constexpr Holding() = default;
  constexpr explicit Holding(std::uint64_t bits) : bits_(bits) {}
  constexpr Holding(OwnerRef owner, std::uint32_t count) : bits_(std::uint64_t{owner.bits()} << 32 | count) {}

  constexpr std::uint64_t bits() const { return bits_; }
  constexpr OwnerRef owner() const { return OwnerRef(static_cast<std::uint32_t>(bits_ >> 32)); }
  constexpr std::uint32_t count() const { return static_cast<std::uint32_t>(bits_); }

 private:
  std::uint64_t bits_ = 0;
};

/// Up to 126 holders: as many as one sleep can watch beside a word and another sleeper. Used in the monitor of what it
/// belongs to; read for a text also without.
struct HolderTable {
  static constexpr std::uint32_t room = 126;

  std::atomic<std::uint32_t> used{0};  // entries that were ever used; raised before the entry is
  std::array<std::atomic<std::uint64_t>, room> entries{};

  Holding at(std::uint32_t i) const noexcept { return Holding(entries[i].load(std::memory_order_relaxed)); }
  void set(std::uint32_t i, Holding holding) noexcept { entries[i].store(holding.bits(), std::memory_order_relaxed); }
  std::uint32_t size() const noexcept { return used.load(std::memory_order_relaxed); }

  /// What all hold together.
  std::uint64_t total() const noexcept {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < size(); ++i) sum += at(i).count();
    return sum;
  }
  /// The entry of `owner`, or `room` if it holds nothing.
  std::uint32_t find(OwnerRef owner) const noexcept {
    for (std::uint32_t i = 0; i < size(); ++i)
      if (at(i).count() != 0 && at(i).owner() == owner) return i;
    return room;
  }
  /// Adds to what `owner` holds; false, and nothing is changed, when there is no room for another holder.
  bool add(OwnerRef owner, std::uint32_t count) noexcept {
    std::uint32_t free = size();
    for (std::uint32_t i = 0; i < size(); ++i) {
      const Holding here = at(i);
      if (here.count() == 0) {
        if (free == size()) free = i;
      } else if (here.owner() == owner) {
        set(i, Holding(owner, here.count() + count));
        return true;
      }
    }
    if (free == room) return false;
    if (free == size()) used.store(free + 1, std::memory_order_relaxed);
    set(free, Holding(owner, count));
    return true;
  }
  /// Calls `living(owner)` for each holder that lives and `dead(index)` for each that died.
  template <class Living, class Dead>
  void sort_out(const ArenaMemory& arena, Living living, Dead dead) noexcept {
    for (std::uint32_t i = 0; i < size(); ++i) {
      const Holding here = at(i);
      if (here.count() == 0) continue;
      if (is_dead(arena, here.owner())) {
        dead(i);
      } else {
        living(here.owner());
      }
    }
  }
};

/// Whom a sleep watches besides its word.
class Watched {
 public:
  void clear() noexcept { count_ = 0; }
  void add(OwnerRef owner) noexcept {
    if (owner && count_ < owners_.size()) owners_[count_++] = owner;
  }
  std::span<const OwnerRef> all() const noexcept { return {owners_.data(), count_}; }

 private:
  std::array<OwnerRef, HolderTable::room + 1> owners_;
  std::size_t count_ = 0;
};

}  // namespace multiprocessing::detail
