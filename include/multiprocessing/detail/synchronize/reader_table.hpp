// SPDX-License-Identifier: BSL-1.0
/// \file
/// ReaderTable: who reads under a readers-writer lock, and how many times.
#pragma once

#include <multiprocessing/detail/memory/holders.hpp>

#include <array>
#include <atomic>
#include <cstdint>

namespace multiprocessing::detail {

/// Up to 126 readers, an entry each; neighbours in the order of claims lie on different cache lines, so that few readers never
/// touch one line. An entry with a count of 0 is still its owner's, until another claims it: so who reads again and again needs
/// one compare-and-swap to come in, which also tells whether the entry is still its own.
///
/// entry            by its owner                            by others
/// {o, 0}           o comes in: CAS to {o, 1}               claimed, in the lock's monitor: CAS to {p, 1}
/// {o, n}           in again: {o, n + 1}; out: {o, n - 1}   when o is dead, in the monitor: {0, 0}
struct ReaderTable {
  static constexpr std::uint32_t room = 126, lines = 16, entries_in_line = 8;

  std::array<std::atomic<std::uint64_t>, std::size_t{lines} * entries_in_line> entries{};
  std::atomic<std::uint32_t> used{0};  // entries that were ever claimed; raised before the claim

  std::atomic<std::uint64_t>& at(std::uint32_t i) noexcept { return entries[i % lines * entries_in_line + i / lines]; }
  /// Seq_cst: see RWLockState, where a look at the readers follows a store to the gate.
  Holding look(std::uint32_t i) const noexcept {
    return Holding(entries[i % lines * entries_in_line + i / lines].load(std::memory_order_seq_cst));
  }
  std::uint32_t size() const noexcept { return used.load(std::memory_order_seq_cst); }

  /// Whether anybody reads.
  bool any() const noexcept {
    for (std::uint32_t i = 0; i < size(); ++i)
      if (look(i).count() != 0) return true;
    return false;
  }
  /// How many read.
  std::uint64_t total() const noexcept {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < size(); ++i) sum += look(i).count();
    return sum;
  }
  /// The entry of one who reads, or `room`.
  std::uint32_t find(OwnerRef owner) const noexcept {
    for (std::uint32_t i = 0; i < size(); ++i)
      if (look(i).count() != 0 && look(i).owner() == owner) return i;
    return room;
  }
  /// In the monitor: enters `owner`, who does not read, once; returns its entry, or `room` when all are taken.
  std::uint32_t claim(OwnerRef owner) noexcept {
    for (std::uint32_t i = 0; i < room; ++i) {
      if (i == size()) used.store(i + 1, std::memory_order_seq_cst);
      std::uint64_t here = at(i).load(std::memory_order_relaxed);
      // It fails where its owner, who had left, comes in just now. Acquire: what the last writer did is seen.
      if (Holding(here).count() == 0 &&
          at(i).compare_exchange_strong(here, Holding(owner, 1).bits(), std::memory_order_seq_cst,
                                        std::memory_order_relaxed))
        return i;
    }
    return room;
  }
};

}  // namespace multiprocessing::detail
