// SPDX-License-Identifier: BSL-1.0
/// \file
/// The instructions of pickle that make instances: here they only describe them.
#pragma once

#include <multiprocessing/pickle/known_calls.hpp>
#include <multiprocessing/pickle/opcodes.hpp>
#include <multiprocessing/pickle/parser.hpp>
#include <multiprocessing/pickle/python2_names.hpp>
#include <multiprocessing/pickle/tape.hpp>

#include <cstddef>
#include <string_view>

namespace multiprocessing::detail {

inline void Parser::push_global(std::string_view module, std::string_view name) {
  if (protocol_ < 3) modernize(module, name);
  Body* const body = new_body();
  const Value parts[] = {text_value(Kind::str, module), text_value(Kind::str, name)};
  tape_.append(body->items, parts, 2);
  push(body_value(Kind::global, body));
}

inline InstanceBody* Parser::push_instance(How how, const Value& callable, const Value& args) {
  const bool can_make = callable.what() == Kind::global || callable.what() == Kind::instance;
  if (!can_make || args.what() != Kind::tuple)
    message_.refuse("a call of what is no class or function, or without a tuple");
  auto* body = tape_.make<InstanceBody>();
  body->offset = message_.offset();
  body->how = how;
  body->callable = callable;
  body->args = args;
  body->keywords = body->state = body->setter = value_of(Kind::none, message_.offset(), 0);
  push(body_value(Kind::instance, body));
  return body;
}

inline void Parser::push_call(const Value& callable, const Value& args) {
  if (const auto known = known_calls_.call(callable, args)) {
    push(*known);
  } else if (known_calls_.is_reconstructor(callable, args)) {
    // What protocols 0 and 1 have in place of NEWOBJ.
    collect(Kind::tuple, 0);
    const Value no_args = pop();
    push_instance(How::newobj, args.body->items[0], no_args);
  } else {
    push_instance(How::reduce, callable, args);
  }
}

inline bool Parser::build_instance(unsigned char code) {
  switch (code) {
    case opcode::GLOBAL: {
      const auto module = message_.line();
      const auto name = message_.line();
      if (!is_wire_text(module) || !is_wire_text(name)) message_.refuse("a name is not UTF-8");
      push_global(module, name);
      return true;
    }
    case opcode::STACK_GLOBAL: {
      const Value name = pop(), module = pop();
      if (name.what() != Kind::str || module.what() != Kind::str) message_.refuse("a name is no str");
      push_global(module.view(), name.view());
      return true;
    }
    case opcode::REDUCE: {
      const Value args = pop(), callable = pop();
      push_call(callable, args);
      return true;
    }
    case opcode::NEWOBJ: {
      const Value args = pop(), type = pop();
      push_instance(How::newobj, type, args);
      return true;
    }
    case opcode::NEWOBJ_EX: {
      const Value keywords = pop(), args = pop(), type = pop();
      if (keywords.what() != Kind::dict) message_.refuse("keywords are no dict");
      push_instance(How::newobj_ex, type, args)->keywords = keywords;
      return true;
    }
    case opcode::OBJ: {
      const std::size_t count = pop_mark();
      if (count == 0) message_.refuse("a call of nothing");
      collect(Kind::tuple, count - 1);
      const Value args = pop(), type = pop();
      push_instance(count == 1 ? How::newobj : How::reduce, type, args);
      return true;
    }
    case opcode::INST: {
      const auto module = message_.line();
      const auto name = message_.line();
      if (!is_wire_text(module) || !is_wire_text(name)) message_.refuse("a name is not UTF-8");
      const std::size_t count = pop_mark();
      collect(Kind::tuple, count);
      const Value args = pop();
      push_global(module, name);
      const Value type = pop();
      push_instance(count == 0 ? How::newobj : How::reduce, type, args);
      return true;
    }
    case opcode::BUILD: set_state(); return true;
    default: return false;
  }
}

inline void Parser::set_state() {
  require(2);
  const Value state = pop();
  const Value target = stack_.top();
  if (target.what() != Kind::instance) message_.refuse("a state is given to what has none");
  auto* const instance = static_cast<InstanceBody*>(target.body);
  if (instance->has_state) message_.refuse("a state is given twice");
  instance->state = state;
  instance->has_state = true;
}

/// Removes the topmost value. A call that was made for its effect is removed like that: setter(instance, state).
inline void Parser::drop() {
  if (above_mark() == 0) {
    pop_mark();
    return;
  }
  const Value dropped = pop();
  if (dropped.what() != Kind::instance || dropped.body->shared) return;
  const auto& call = dropped.instance();
  const Items& args = call.args.body->items;
  if (call.how != How::reduce || args.size != 2 || args[0].what() != Kind::instance) return;
  auto* const target = static_cast<InstanceBody*>(args[0].body);
  if (target->has_state || above_mark() == 0 || stack_.top().what() != Kind::instance || stack_.top().body != target)
    return;
  target->setter = call.callable;
  target->state = args[1];
  target->has_state = true;
}

}  // namespace multiprocessing::detail
