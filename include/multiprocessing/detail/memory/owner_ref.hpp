// SPDX-License-Identifier: BSL-1.0
/// \file
/// OwnerRef: who holds a word of shared memory, in 30 bits.
#pragma once

#include <cstdint>

namespace multiprocessing::detail {

/// The bits of a futex word of ours.
///
///   31      somebody may sleep on it
///   30      always 0: the kernel's mark of a dead owner, which our words never carry
///   29      1 in an owner, so that it never equals a thread id and the kernel leaves it alone
///   28..13  generation of the owner's slot
///   12..0   number of the owner's slot
///
/// Free, or set, is when the low 30 bits are zero: what the kernel asks of a word whose wake-up it is to pass on.
inline constexpr std::uint32_t word_waiters = 1u << 31;
inline constexpr std::uint32_t word_value = (1u << 30) - 1;
inline constexpr std::uint32_t word_owner = 1u << 29;

inline constexpr std::uint32_t slot_bits = 13;
inline constexpr std::uint32_t slot_limit = (1u << slot_bits) - 1;  // 8191 threads, and as many processes

/// A thread slot in one of its lives. Zero is nobody.
class OwnerRef {
 public:
  constexpr OwnerRef() = default;
  constexpr explicit OwnerRef(std::uint32_t word) : bits_(word & word_value) {}
  constexpr OwnerRef(std::uint32_t slot, std::uint32_t generation)
      : bits_(word_owner | (generation & 0xffffu) << slot_bits | slot) {}

  constexpr std::uint32_t bits() const { return bits_; }
  constexpr explicit operator bool() const { return bits_ != 0; }
  constexpr std::uint32_t slot() const { return bits_ & slot_limit; }
  constexpr std::uint32_t generation() const { return bits_ >> slot_bits & 0xffffu; }
  friend constexpr bool operator==(OwnerRef, OwnerRef) = default;

 private:
  std::uint32_t bits_ = 0;
};

/// A process slot in one of its lives. Zero is nobody.
class ProcessRef {
 public:
  constexpr ProcessRef() = default;
  constexpr explicit ProcessRef(std::uint32_t bits) : bits_(bits) {}
  constexpr ProcessRef(std::uint32_t slot, std::uint32_t generation) : bits_(generation << slot_bits | slot) {}

  constexpr std::uint32_t bits() const { return bits_; }
  constexpr explicit operator bool() const { return bits_ != 0; }
  constexpr std::uint32_t slot() const { return bits_ & slot_limit; }
  constexpr std::uint32_t generation() const { return bits_ >> slot_bits; }
  friend constexpr bool operator==(ProcessRef, ProcessRef) = default;

 private:
  std::uint32_t bits_ = 0;
};

}  // namespace multiprocessing::detail
