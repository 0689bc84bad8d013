// SPDX-License-Identifier: BSL-1.0
/// \file
/// Message: the bytes that are read, and how much they may still ask for.
#pragma once

#include <multiprocessing/object/wire_text.hpp>
#include <multiprocessing/pickle/errors.hpp>
#include <multiprocessing/pickle/options.hpp>
#include <multiprocessing/pickle/tape.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace multiprocessing::detail {

/// The bytes of a message, taken from the front: never more than are left. Whoever makes something of them spends from
/// its budgets first.
class Message {
 public:
  Message(std::string_view bytes, const pickle::LoadsOptions& options)
      : bytes_(bytes),
        values_(options.values.value_or(1'000'000 + bytes.size() * 4)),
        copied_(options.bytes.value_or((std::size_t{64} << 20) + bytes.size() * 4)) {}

  /// Where the instruction began that is being read.
  std::size_t offset() const { return begun_; }
  std::size_t left() const { return bytes_.size() - at_; }
  std::size_t offset_of(const char* text) const { return static_cast<std::size_t>(text - bytes_.data()); }
  bool holds(const char* text) const { return text >= bytes_.data() && text <= bytes_.data() + bytes_.size(); }

  [[noreturn]] void refuse(const std::string& why) const { throw UnpicklingError(why, begun_); }

  unsigned char next_opcode() {
    begun_ = at_;
    return static_cast<unsigned char>(take(1)[0]);
  }
  /// What is left, to look ahead.
  std::string_view rest() const { return {bytes_.data() + at_, left()}; }

  std::string_view take(std::uint64_t size) {
    if (size > left()) refuse_cut(size);
    const std::string_view taken(bytes_.data() + at_, size);
    at_ += size;
    return taken;
  }

  template <class Number>
  Number number() {
    Number value;  // little-endian, as the machine
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }

  /// Up to the end of the line, which is taken too.
  std::string_view line() {
    const std::size_t end = bytes_.find('\n', at_);
    if (end == bytes_.npos) refuse("the message was cut short: a line has no end");
    const auto taken = take(end - at_);
    at_ = end + 1;
    return taken;
  }

  std::string_view text(std::uint64_t size) {
    const auto taken = take(size);
    if (!is_wire_text(taken)) refuse("a str is not UTF-8");
    return taken;
  }

  void spend_values(std::size_t count) {
    if (count > values_) refuse("more values come of it than LoadsOptions::values allows");
    values_ -= count;
  }
  void spend_bytes(std::size_t count) {
    if (count > copied_) refuse("more bytes come of it than LoadsOptions::bytes allows");
    copied_ -= count;
  }
  std::size_t values_left() const { return values_; }

 private:
  [[noreturn]] void refuse_cut(std::uint64_t size) const {
    refuse("the message was cut short: " + std::to_string(size) + " bytes are announced and " + std::to_string(left()) +
           " are left");
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  std::size_t begun_ = 0;
  std::size_t values_;
  std::size_t copied_;
};

}  // namespace multiprocessing::detail
