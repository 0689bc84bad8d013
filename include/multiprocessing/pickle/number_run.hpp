// SPDX-License-Identifier: BSL-1.0
/// \file
/// Runs: numbers side by side in a message, which are read where they lie.
#pragma once

#include <multiprocessing/pickle/known_calls.hpp>
#include <multiprocessing/pickle/opcodes.hpp>
#include <multiprocessing/pickle/tape.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace multiprocessing::detail {

/// The length of an instruction that is a number of fixed length, or None; 0 of any other.
constexpr std::size_t number_length(char code) {
  switch (static_cast<unsigned char>(code)) {
    case opcode::BINFLOAT: return 9;
    case opcode::BININT1: return 2;
    case opcode::BININT2: return 3;
    case opcode::BININT: return 5;
    case opcode::NONE:
    case opcode::NEWTRUE:
    case opcode::NEWFALSE: return 1;
    default: return 0;
  }
}

struct Run {
  std::size_t count = 0;
  std::size_t size = 0;  // in bytes
};

/// The numbers at the front of `text`, if an APPENDS follows on them; else none.
inline Run run_before_appends(std::string_view text) {
  Run run;
  while (run.size < text.size()) {
    if (static_cast<unsigned char>(text[run.size]) == opcode::APPENDS) return run;
    const std::size_t length = number_length(text[run.size]);
    if (length == 0) break;
    run.size += length;
    ++run.count;
  }
  return {};
}

template <class Number>
Number load_at(const char* at) {
  Number value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

inline Value next_of_run(const char*& at) {
  const char* const number = at + 1;
  const auto code = static_cast<unsigned char>(*at);
  Value value = value_of(Kind::none, reinterpret_cast<std::uintptr_t>(at), 0);
  value.in_run = 1;
  const auto set = [&](Kind kind, std::int64_t integer) {
    value.kind = static_cast<std::uint64_t>(kind) & 0x3f;
    value.integer = integer;
  };
  at += number_length(*at);
  switch (code) {
    case opcode::BINFLOAT:
      set(Kind::real, std::bit_cast<std::int64_t>(__builtin_bswap64(load_at<std::uint64_t>(number))));
      value.real = std::bit_cast<double>(value.integer);
      break;
    case opcode::BININT1: set(Kind::integer, load_at<std::uint8_t>(number)); break;
    case opcode::BININT2: set(Kind::integer, load_at<std::uint16_t>(number)); break;
    case opcode::BININT: set(Kind::integer, load_at<std::int32_t>(number)); break;
    case opcode::NEWTRUE: set(Kind::boolean, 1); break;
    case opcode::NEWFALSE: set(Kind::boolean, 0); break;
    default: break;
  }
  return value;
}

}  // namespace multiprocessing::detail
