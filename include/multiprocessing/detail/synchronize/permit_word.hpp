// SPDX-License-Identifier: BSL-1.0
/// \file
/// PermitWord and Account: the two words in which a semaphore keeps how many permits there are and who holds them.
#pragma once

#include <cstdint>

namespace multiprocessing::detail {

inline constexpr std::uint32_t most_permits = (1u << 31) - 1;  // Python's SEM_VALUE_MAX

/// The word that every operation on a semaphore changes, by compare-and-swap.
///
/// bits        63..42   41..40   39..33   32   31   30..0
/// resource    tag      kind     entry    0    W    value
/// signal      permits to absorb          1    W    value
///
/// `entry`, `kind` and `tag` tell of the last operation: whose account it goes to, what it does there, and a number by which the
/// account shows whether it was done. W: releases, and all operations on a resource, are left to who holds the monitor.
///
/// A tag comes back after 4,194,304 operations. That harms nobody who is not stopped for just so many between reading this word
/// and changing it, finds all of it the same again, and then meets a death within the instructions before an account is written.
class PermitWord {
 public:
  enum class Kind : std::uint32_t {
    none = 0,     // nothing that an account has to know
    acquire = 1,  // the account gets one more
    release = 2,  // the account gets one less
    bulk = 3,     // the account gets SemaphoreState::step less
  };

  constexpr PermitWord() = default;
  constexpr explicit PermitWord(std::uint64_t bits) : bits_(bits) {}

  static constexpr PermitWord resource(std::uint32_t value) { return PermitWord(value); }
  static constexpr PermitWord signal(std::uint32_t value, bool waits, std::uint32_t to_absorb) {
    return PermitWord(std::uint64_t{to_absorb} << 33 | std::uint64_t{1} << 32 | std::uint64_t{waits} << 31 | value);
  }

  /// A resource's word after an operation that adds `step` permits, or takes some away. All but two steps of the reckoning can be
  /// done before this word has come from memory: the exchange waits for the rest.
  constexpr PermitWord after(std::uint32_t entry, Kind kind, std::int64_t step, bool waits) const {
    constexpr std::uint64_t replaced = std::uint64_t{1023} << 32 | std::uint64_t{1} << 31;
    const std::uint64_t told = std::uint64_t{1} << 42 | std::uint64_t{static_cast<std::uint32_t>(kind)} << 40 |
                               std::uint64_t{entry} << 33 | std::uint64_t{waits} << 31;
    return PermitWord((bits_ & ~replaced) + (told + static_cast<std::uint64_t>(step)));
  }
  /// A signal's word after the same, when `absorbed` are no more to be absorbed. W stays.
  constexpr PermitWord after(std::int64_t step, std::uint32_t absorbed) const {
    return PermitWord(bits_ + static_cast<std::uint64_t>(step) - (std::uint64_t{absorbed} << 33));
  }

  constexpr std::uint64_t bits() const { return bits_; }
  constexpr std::uint32_t value() const { return static_cast<std::uint32_t>(bits_) & most_permits; }
  constexpr bool waits() const { return (bits_ >> 31 & 1) != 0; }
  constexpr bool is_signal() const { return (bits_ >> 32 & 1) != 0; }
  constexpr std::uint32_t to_absorb() const { return static_cast<std::uint32_t>(bits_ >> 33); }
  constexpr std::uint32_t entry() const { return static_cast<std::uint32_t>(bits_ >> 33) & 127; }
  constexpr Kind kind() const { return static_cast<Kind>(bits_ >> 40 & 3); }
  constexpr std::uint32_t tag() const { return static_cast<std::uint32_t>(bits_ >> 42); }

  /// Without a permit, or a resource that is the monitor's for now: what can't be taken from by one exchange.
  constexpr bool shut() const { return value() == 0 || (waits() && !is_signal()); }

 private:
  std::uint64_t bits_ = 0;
};

/// How many permits the thread holds that an entry belongs to, and the tag of its last operation that is counted in.
///
/// `helped` says that another has counted that one in. Its owner, if it lives, will store the same once more: until then the
/// entry must not become somebody else's.
class Account {
 public:
  constexpr Account() = default;
  constexpr explicit Account(std::uint64_t bits) : bits_(bits) {}
  constexpr Account(std::uint32_t count, std::uint32_t tag, bool helped = false)
      : bits_(std::uint64_t{tag} << 32 | std::uint64_t{helped} << 31 | count) {}

  constexpr std::uint64_t bits() const { return bits_; }
  constexpr std::uint32_t count() const { return static_cast<std::uint32_t>(bits_) & most_permits; }
  constexpr bool helped() const { return (bits_ >> 31 & 1) != 0; }
  constexpr std::uint32_t tag() const { return static_cast<std::uint32_t>(bits_ >> 32); }

  /// The count after an operation.
  constexpr std::uint32_t after(PermitWord::Kind kind, std::uint32_t step) const {
    return kind == PermitWord::Kind::acquire ? count() + 1 : count() - (kind == PermitWord::Kind::bulk ? step : 1);
  }

 private:
  std::uint64_t bits_ = 0;
};

}  // namespace multiprocessing::detail
