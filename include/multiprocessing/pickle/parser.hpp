// SPDX-License-Identifier: BSL-1.0
/// \file
/// Parser: pickle's stack machine, without the part that runs code.
#pragma once

#include <multiprocessing/pickle/known_calls.hpp>
#include <multiprocessing/pickle/message.hpp>
#include <multiprocessing/pickle/number_run.hpp>
#include <multiprocessing/pickle/number_table.hpp>
#include <multiprocessing/pickle/opcodes.hpp>
#include <multiprocessing/pickle/parse_text.hpp>
#include <multiprocessing/pickle/tape.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace multiprocessing::detail {

/// Follows the instructions of a message, protocols 0 to 5, and leaves on a tape what they describe. It makes nothing,
/// calls nothing and imports nothing: classes and functions are names to it.
class Parser {
 public:
  Parser(Message& message, Tape& tape) : message_(message), tape_(tape), known_calls_(message, tape) {}

  /// The value that the message is.
  Value parse();

 private:
  // Instructions are sorted by what they do; each group returns false for what is none of its own.
  bool push_number(unsigned char code);
  void take_run();
  bool push_text(unsigned char code);
  bool push_line(unsigned char code);
  bool build_container(unsigned char code);
  bool build_instance(unsigned char code);
  bool use_memo(unsigned char code);
  void refuse_opcode(unsigned char code);

  void push(const Value& value) { stack_.push(value); }
  void push_constant(Kind kind, std::int64_t number) { push(value_of(kind, message_.offset(), number)); }
  void push_real(double value) {
    push_constant(Kind::real, 0);
    stack_.top().real = value;
  }
  void push_integer(std::string_view twos);
  void push_bytearray(std::string_view content);
  std::string_view keep(const std::string& text) {
    if (text.empty()) return {};
    char* const kept = tape_.take_text(text.size());
    std::memcpy(kept, text.data(), text.size());
    return {kept, text.size()};
  }

  /// How many values lie above the innermost mark; none below it may be touched.
  std::size_t above_mark() const { return stack_.size() - (marks_.size() == 0 ? 0 : floor_); }
  void require(std::size_t count) {
    if (above_mark() < count) message_.refuse("an instruction wants more values than there are");
  }
  Value pop() {
    require(1);
    const Value value = stack_.top();
    stack_.shrink(stack_.size() - 1);
    return value;
  }
  void push_mark() {
    marks_.push(stack_.size());
    floor_ = stack_.size();
  }
  /// Removes the innermost mark; returns how many values lie above where it was.
  std::size_t pop_mark() {
    if (marks_.size() == 0) message_.refuse("an instruction wants a mark and there is none");
    const std::size_t count = stack_.size() - floor_;
    marks_.shrink(marks_.size() - 1);
    floor_ = marks_.size() == 0 ? 0 : marks_.top();
    return count;
  }

  Body* new_body() {
    auto* body = tape_.make<Body>();
    body->offset = message_.offset();
    return body;
  }
  /// A container of the topmost `count` values, which it takes off the stack.
  void collect(Kind kind, std::size_t count);
  void move_into(Items& items, std::size_t count);
  Value target_of(std::size_t count);
  void append_to(std::size_t count);
  void set_in(std::size_t count);
  void add_to(std::size_t count);
  void push_global(std::string_view module, std::string_view name);
  void push_call(const Value& callable, const Value& args);
  InstanceBody* push_instance(How how, const Value& callable, const Value& args);
  void set_state();
  void drop();
  void remember(std::uint64_t index);
  void recall(std::uint64_t index);

  Message& message_;
  Tape& tape_;
  KnownCalls known_calls_;
  Growing<Value, 64> stack_;
  Growing<std::size_t, 32> marks_;
  std::size_t floor_ = 0;  // the innermost mark
  Growing<Value, 32> memo_;
  NumberTable sparse_memo_;  // for those who number their values at random: where they are among the sparse values
  Growing<Value, 1> sparse_values_;
  std::uint64_t memoized_ = 0;
  int protocol_ = 0;
};

inline Value Parser::parse() {
  for (;;) {
    const unsigned char code = message_.next_opcode();
    switch (code) {
      case opcode::BININT1: push_constant(Kind::integer, message_.number<std::uint8_t>()); continue;
      case opcode::BINFLOAT:
        push_real(std::bit_cast<double>(__builtin_bswap64(message_.number<std::uint64_t>())));
        continue;
      case opcode::MEMOIZE: remember(memoized_); continue;
      case opcode::MARK:
        push_mark();
        take_run();
        continue;
      case opcode::FRAME:
        // Frames only help to read from a file.
        if (const auto size = message_.number<std::uint64_t>(); size > message_.left()) message_.take(size);
        continue;
      case opcode::PROTO:
        protocol_ = message_.number<std::uint8_t>();
        if (protocol_ > pickle::HIGHEST_PROTOCOL)
          message_.refuse("unsupported pickle protocol: " + std::to_string(protocol_));
        continue;
      case opcode::STOP: return pop();
      default: break;
    }
    if (!push_text(code) && !push_number(code) && !build_container(code) && !use_memo(code) && !build_instance(code) &&
        !push_line(code)) {
      refuse_opcode(code);
    }
  }
}

inline void Parser::push_integer(std::string_view twos) {
  twos = trimmed(twos);
  if (twos.size() <= 8) return push_constant(Kind::integer, static_cast<std::int64_t>(wide_of(twos)));
  push(text_value(Kind::integer, twos));
  stack_.top().big = 1;
}

inline void Parser::push_bytearray(std::string_view content) {
  Body* const body = new_body();
  const Value bytes = text_value(Kind::bytes, content);
  tape_.append(body->items, &bytes, 1);
  push(body_value(Kind::bytearray, body));
}

inline bool Parser::push_number(unsigned char code) {
  switch (code) {
    case opcode::NONE: push_constant(Kind::none, 0); return true;
    case opcode::NEWTRUE: push_constant(Kind::boolean, 1); return true;
    case opcode::NEWFALSE: push_constant(Kind::boolean, 0); return true;
    case opcode::BININT2: push_constant(Kind::integer, message_.number<std::uint16_t>()); return true;
    case opcode::BININT: push_constant(Kind::integer, message_.number<std::int32_t>()); return true;
    case opcode::LONG1: push_integer(message_.take(message_.number<std::uint8_t>())); return true;
    case opcode::LONG4: {
      const auto size = message_.number<std::int32_t>();
      if (size < 0) message_.refuse("an int of negative length");
      push_integer(message_.take(static_cast<std::uint32_t>(size)));
      return true;
    }
    default: return false;
  }
}

/// After a mark above a list: the whole batch up to APPENDS, if it is numbers.
inline void Parser::take_run() {
  if (stack_.size() == 0 || stack_.top().what() != Kind::list ||
      (marks_.size() > 1 && marks_[marks_.size() - 2] == floor_))
    return;
  const auto rest = message_.rest();
  const Run run = run_before_appends(rest);
  constexpr std::size_t worth_it = 4;
  if (run.count < worth_it) return;
  message_.take(run.size + 1);
  pop_mark();
  Value value = text_value(Kind::none, {rest.data(), run.count});
  value.kind = static_cast<std::uint64_t>(run_kind) & 0x3f;
  Items& items = stack_.top().body->items;
  if (items.capacity == 0) message_.spend_values(items.size);
  tape_.append(items, &value, 1);
  items.in_runs += run.count - 1;
}

inline bool Parser::push_text(unsigned char code) {
  const auto push_str = [&](std::uint64_t size) { push(text_value(Kind::str, message_.text(size))); };
  const auto push_bytes = [&](std::uint64_t size) { push(text_value(Kind::bytes, message_.take(size))); };
  const auto push_python2 = [&](std::uint64_t size) {
    const auto text = message_.take(size);
    if (ascii_prefix(text) != text.size()) message_.refuse("a str of Python 2 is not ASCII");
    push(text_value(Kind::str, text));
  };
  switch (code) {
    case opcode::SHORT_BINUNICODE: push_str(message_.number<std::uint8_t>()); return true;
    case opcode::BINUNICODE: push_str(message_.number<std::uint32_t>()); return true;
    case opcode::BINUNICODE8: push_str(message_.number<std::uint64_t>()); return true;
    case opcode::SHORT_BINBYTES: push_bytes(message_.number<std::uint8_t>()); return true;
    case opcode::BINBYTES: push_bytes(message_.number<std::uint32_t>()); return true;
    case opcode::BINBYTES8: push_bytes(message_.number<std::uint64_t>()); return true;
    case opcode::BYTEARRAY8: push_bytearray(message_.take(message_.number<std::uint64_t>())); return true;
    case opcode::SHORT_BINSTRING: push_python2(message_.number<std::uint8_t>()); return true;
    case opcode::BINSTRING: push_python2(message_.number<std::uint32_t>()); return true;
    default: return false;
  }
}

inline bool Parser::push_line(unsigned char code) {
  const auto line = [&] { return message_.line(); };
  switch (code) {
    case opcode::INT: {
      const auto digits = line();
      if (digits == "00" || digits == "01") {
        push_constant(Kind::boolean, digits == "01");
      } else {
        push_integer(keep(parse_integer_line(message_, digits)));
      }
      return true;
    }
    case opcode::LONG: {
      auto digits = line();
      if (digits.ends_with('L')) digits.remove_suffix(1);
      push_integer(keep(parse_integer_line(message_, digits)));
      return true;
    }
    case opcode::FLOAT: push_real(parse_float_line(message_, line())); return true;
    case opcode::UNICODE: push(text_value(Kind::str, keep(parse_unicode_line(message_, line())))); return true;
    case opcode::STRING: push(text_value(Kind::str, keep(parse_string_line(message_, line())))); return true;
    default: return false;
  }
}

inline void Parser::collect(Kind kind, std::size_t count) {
  require(count);
  Body* const body = new_body();
  if (count != 0) tape_.append(body->items, stack_.data() + stack_.size() - count, count);
  stack_.shrink(stack_.size() - count);
  push(body_value(kind, body));
}

inline bool Parser::build_container(unsigned char code) {
  switch (code) {
    case opcode::EMPTY_LIST: collect(Kind::list, 0); return true;
    case opcode::EMPTY_DICT: collect(Kind::dict, 0); return true;
    case opcode::EMPTY_SET: collect(Kind::set, 0); return true;
    case opcode::EMPTY_TUPLE: collect(Kind::tuple, 0); return true;
    case opcode::TUPLE1: collect(Kind::tuple, 1); return true;
    case opcode::TUPLE2: collect(Kind::tuple, 2); return true;
    case opcode::TUPLE3: collect(Kind::tuple, 3); return true;
    case opcode::TUPLE: collect(Kind::tuple, pop_mark()); return true;
    case opcode::LIST: collect(Kind::list, pop_mark()); return true;
    case opcode::FROZENSET: collect(Kind::frozenset, pop_mark()); return true;
    case opcode::DICT: {
      const std::size_t count = pop_mark();
      if (count % 2 != 0) message_.refuse("a key without a value");
      collect(Kind::dict, count);
      return true;
    }
    case opcode::APPEND: append_to(1); return true;
    case opcode::APPENDS: append_to(pop_mark()); return true;
    case opcode::SETITEM: set_in(2); return true;
    case opcode::SETITEMS: set_in(pop_mark()); return true;
    case opcode::ADDITEMS: add_to(pop_mark()); return true;
    default: return false;
  }
}

/// Moves the topmost values into a container.
inline void Parser::move_into(Items& items, std::size_t count) {
  // What only refers to the values of another container has to copy them before it grows.
  if (items.capacity == 0) message_.spend_values(items.size);
  if (count != 0) tape_.append(items, stack_.data() + stack_.size() - count, count);
  stack_.shrink(stack_.size() - count);
}

/// The container below the topmost `count` values. None of them may lie below a mark.
inline Value Parser::target_of(std::size_t count) {
  require(count + 1);
  return stack_[stack_.size() - count - 1];
}

inline void Parser::append_to(std::size_t count) {
  const Value target = target_of(count);
  if (target.what() != Kind::list && target.what() != Kind::instance)
    message_.refuse("something is appended to what is no list");
  move_into(target.body->items, count);
}

inline void Parser::set_in(std::size_t count) {
  const Value target = target_of(count);
  if (count % 2 != 0) message_.refuse("a key without a value");
  if (target.what() != Kind::dict && target.what() != Kind::instance)
    message_.refuse("a key is set in what is no dict");
  move_into(target.what() == Kind::dict ? target.body->items : static_cast<InstanceBody*>(target.body)->pairs, count);
}

inline void Parser::add_to(std::size_t count) {
  const Value target = target_of(count);
  if (target.what() != Kind::set) message_.refuse("something is added to what is no set");
  move_into(target.body->items, count);
}

inline bool Parser::use_memo(unsigned char code) {
  switch (code) {
    case opcode::BINGET: recall(message_.number<std::uint8_t>()); return true;
    case opcode::LONG_BINGET: recall(message_.number<std::uint32_t>()); return true;
    case opcode::GET: recall(parse_index_line(message_, message_.line())); return true;
    case opcode::BINPUT: remember(message_.number<std::uint8_t>()); return true;
    case opcode::LONG_BINPUT: remember(message_.number<std::uint32_t>()); return true;
    case opcode::PUT: remember(parse_index_line(message_, message_.line())); return true;
    case opcode::POP: drop(); return true;
    case opcode::POP_MARK: stack_.shrink(stack_.size() - pop_mark()); return true;
    case opcode::DUP:
      require(1);
      push(stack_.top());
      if (is_body(stack_.top())) stack_.top().body->shared = true;
      return true;
    default: return false;
  }
}

inline void Parser::remember(std::uint64_t index) {
  require(1);
  const Value value = stack_.top();
  if (index < memo_.size()) {
    memo_[index] = value;
  } else if (index == memo_.size()) {
    memo_.push(value);
    ++memoized_;
  } else if (const auto known = sparse_memo_.find(index); known != NumberTable::none) {
    sparse_values_[known] = value;
  } else {
    sparse_memo_.set(index, static_cast<std::uint32_t>(sparse_values_.size()));
    sparse_values_.push(value);
    ++memoized_;
  }
}

inline void Parser::recall(std::uint64_t index) {
  if (index < memo_.size()) {
    push(memo_[index]);
  } else {
    const auto known = sparse_memo_.find(index);
    if (known == NumberTable::none)
      message_.refuse("a reference to value " + std::to_string(index) + ", which is none");
    push(sparse_values_[known]);
  }
  if (is_body(stack_.top())) stack_.top().body->shared = true;
}

inline void Parser::refuse_opcode(unsigned char code) {
  switch (code) {
    case opcode::PERSID:
    case opcode::BINPERSID: message_.refuse("a persistent id, which only its writer understands");
    case opcode::EXT1:
    case opcode::EXT2:
    case opcode::EXT4: message_.refuse("a code of copyreg's extension registry, which only its writer understands");
    case opcode::NEXT_BUFFER:
    case opcode::READONLY_BUFFER: message_.refuse("out-of-band data, which is not in the message");
    default: message_.refuse("no instruction of pickle: " + std::to_string(code));
  }
}

}  // namespace multiprocessing::detail
