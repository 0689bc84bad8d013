// SPDX-License-Identifier: BSL-1.0
/// \file
/// Holding: who holds how much of a shared resource; Watched: whose deaths a sleep waits for.
#pragma once

#include <multiprocessing/detail/memory/thread_identity.hpp>
#include <multiprocessing/detail/os/futex.hpp>

#include <array>
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

/// As many holders as one sleep can watch beside a word and another sleeper.
inline constexpr std::uint32_t most_holders = max_sleeps - 2;
static_assert(most_holders == 126);

/// Whom a sleep watches besides its word.
class Watched {
 public:
  void clear() noexcept { count_ = 0; }
  void add(OwnerRef owner) noexcept {
    if (owner && count_ < owners_.size()) owners_[count_++] = owner;
  }
  std::span<const OwnerRef> all() const noexcept { return {owners_.data(), count_}; }

 private:
  std::array<OwnerRef, most_holders + 1> owners_;
  std::size_t count_ = 0;
};

}  // namespace multiprocessing::detail
