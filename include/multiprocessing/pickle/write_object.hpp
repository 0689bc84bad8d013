// SPDX-License-Identifier: BSL-1.0
/// \file
/// Writing objects.
#pragma once

#include <multiprocessing/object/array_items.hpp>
#include <multiprocessing/object/compare.hpp>
#include <multiprocessing/object/nodes.hpp>
#include <multiprocessing/object/object.hpp>
#include <multiprocessing/pickle/writer.hpp>

#include <cstddef>
#include <span>
#include <string_view>

namespace multiprocessing::detail {

/// Writes objects so that what is shared here is shared there. What can hold itself is memoized before what it holds;
/// the rest, like a tuple, after it, and if it was then met inside itself, recalled in place of the second one.
class ObjectWriter {
 public:
  explicit ObjectWriter(Writer& writer) : writer_(writer) {}

  void write(const object& x) {
    using Access = ObjectAccess;
    if (Access::is_weak(x)) return write(object(x));
    switch (Access::kind(x)) {
      case Kind::none: return writer_.none();
      case Kind::boolean: return writer_.boolean(Access::integer(x) != 0);
      case Kind::integer: return is_big(x) ? writer_.big_integer(Access::text(x)) : writer_.integer(Access::integer(x));
      case Kind::real: return writer_.real(Access::real(x));
      case Kind::str: return write_text(x, [&](std::string_view text) { writer_.wire_text(text); });
      case Kind::bytes: return write_text(x, [&](std::string_view text) { writer_.octets(text); });
      default: return write_container(x);
    }
  }

 private:
  template <class Write>
  void write_text(const object& x, Write write_new) {
    const bool shared = ObjectAccess::has_node(x) && ObjectAccess::node(x)->shared();
    if (shared && writer_.recall(*ObjectAccess::node(x))) return;
    write_new(ObjectAccess::text(x));
    if (shared) writer_.memoize(*ObjectAccess::node(x));
  }

  void write_container(const object& x) {
    using Access = ObjectAccess;
    Node& node = *Access::node(x);
    const bool memoized = writer_.memoizes(node);
    if (memoized && writer_.recall(node)) return;
    const WriterLevel level(writer_);
    const auto memoize = [&] {
      if (memoized) writer_.memoize(node);
    };
    switch (Access::kind(x)) {
      case Kind::tuple: return write_tuple(Access::node_as<TupleNode>(x), memoized);
      case Kind::list:
        writer_.code(opcode::EMPTY_LIST);
        memoize();
        return write_items(Access::node_as<ListNode>(x).items);
      case Kind::dict:
        writer_.code(opcode::EMPTY_DICT);
        memoize();
        return write_dict(Access::node_as<Table>(x));
      case Kind::set: return write_set(Access::node_as<Table>(x), memoized);
      case Kind::frozenset: return write_frozenset(Access::node_as<Table>(x), memoized);
      case Kind::slice: write_slice(Access::node_as<TupleNode>(x)); return memoize();
      case Kind::global: {
        const auto parts = Access::node_as<TupleNode>(x).items();
        return writer_.global(Access::text(parts[0]), Access::text(parts[1]));  // has a memo of its own
      }
      case Kind::bytearray: writer_.byte_array(Access::node_as<BytearrayNode>(x).content); return memoize();
      case Kind::array: write_array(Access::node_as<ArrayNode>(x)); return memoize();
      default: return write_instance(Access::node_as<InstanceNode>(x), memoized);
    }
  }

  /// What was written meanwhile, inside itself, is the one to keep: `drop` takes the other off the stack.
  bool recall_inner(Node& node, bool memoized, unsigned char drop, std::size_t times) {
    if (!memoized || !writer_.is_known(node)) return false;
    for (std::size_t i = 0; i < times; ++i) writer_.code(drop);
    return writer_.recall(node);
  }

  void write_tuple(TupleNode& tuple, bool memoized) {
    writer_.begin_tuple(tuple.size);
    for (const object& item : tuple.items()) write(item);
    const bool marked = tuple.size > 3;
    if (recall_inner(tuple, memoized, marked ? opcode::POP_MARK : opcode::POP, marked ? 1 : tuple.size)) return;
    writer_.tuple_of(tuple.size);
    if (memoized && tuple.size != 0) writer_.memoize(tuple);
  }

  template <class Items>
  void write_items(const Items& items) {
    Batches batches(writer_, opcode::APPENDS);
    for (const object& item : items) {
      batches.next();
      write(item);
    }
    batches.finish();
  }

  void write_dict(Table& table) {
    Batches batches(writer_, opcode::SETITEMS);
    for (const auto& entry : table.entries()) {
      if (!entry.live()) continue;
      batches.next();
      write(entry.key);
      write(entry.value);
    }
    batches.finish();
  }

  void write_keys(Table& table) {
    for (const auto& entry : table.entries()) {
      if (entry.live()) write(entry.key);
    }
  }

  /// (list of the keys,): what a set was called with before it had instructions of its own.
  void write_key_list(Table& table) {
    writer_.code(opcode::EMPTY_LIST);
    writer_.code(opcode::MARK);
    write_keys(table);
    writer_.code(opcode::APPENDS);
    writer_.code(opcode::TUPLE1);
    writer_.code(opcode::REDUCE);
  }

  void write_set(Table& table, bool memoized) {
    if (writer_.protocol() < 4) {
      writer_.global("builtins", "set");
      write_key_list(table);
      if (memoized) writer_.memoize(table);
      return;
    }
    writer_.code(opcode::EMPTY_SET);
    if (memoized) writer_.memoize(table);
    Batches batches(writer_, opcode::ADDITEMS);
    for (const auto& entry : table.entries()) {
      if (!entry.live()) continue;
      batches.next();
      write(entry.key);
    }
    batches.finish();
  }

  void write_frozenset(Table& table, bool memoized) {
    if (writer_.protocol() < 4) {
      writer_.global("builtins", "frozenset");
      write_key_list(table);
      if (recall_inner(table, memoized, opcode::POP, 1)) return;
    } else {
      writer_.code(opcode::MARK);
      write_keys(table);
      if (recall_inner(table, memoized, opcode::POP_MARK, 1)) return;
      writer_.code(opcode::FROZENSET);
    }
    if (memoized) writer_.memoize(table);
  }

  void write_slice(TupleNode& parts) {
    writer_.global("builtins", "slice");
    for (const object& part : parts.items()) write(part);
    writer_.code(opcode::TUPLE3);
    writer_.code(opcode::REDUCE);
  }

  void write_array(ArrayNode& array) {
    if (writer_.protocol() >= 3) return writer_.array(array.typecode, ObjectAccess::text(array.content));
    writer_.global("array", "array");
    writer_.wire_text({&array.typecode, 1});
    writer_.code(opcode::EMPTY_LIST);
    Batches batches(writer_, opcode::APPENDS);
    for_each_array_item(array, [&](const object& item) {
      batches.next();
      write(item);
    });
    batches.finish();
    writer_.code(opcode::TUPLE2);
    writer_.code(opcode::REDUCE);
  }

  /// In the order in which Python writes, and reads: what is appended, what is set by key, the state.
  void write_instance(InstanceNode& instance, bool memoized) {
    write(instance.callable);
    write(instance.args);
    switch (instance.how) {
      case How::reduce: writer_.code(opcode::REDUCE); break;
      case How::newobj: writer_.code(opcode::NEWOBJ); break;
      case How::newobj_ex: write_newobj_ex(instance.keywords); break;
    }
    // Who was written meanwhile has all that follows.
    if (recall_inner(instance, memoized, opcode::POP, 1)) return;
    if (memoized) writer_.memoize(instance);
    write_items(instance.items);
    Batches batches(writer_, opcode::SETITEMS);
    for (const auto& [key, value] : instance.pairs) {
      batches.next();
      write(key);
      write(value);
    }
    batches.finish();
    if (!instance.has_state) return;
    if (instance.setter.is_none()) {
      write(instance.state);
      writer_.code(opcode::BUILD);
    } else {
      write_setter(instance);
    }
  }

  void write_newobj_ex(const object& keywords) {
    if (writer_.protocol() < 4) throw PicklingError("dumps: an object made with keyword arguments needs protocol 4");
    write(keywords);
    writer_.code(opcode::NEWOBJ_EX);
  }

  /// setter(instance, state), for its effect.
  void write_setter(InstanceNode& instance) {
    if (!writer_.is_known(instance)) writer_.memoize(instance);
    write(instance.setter);
    writer_.recall(static_cast<Node&>(instance));
    write(instance.state);
    writer_.code(opcode::TUPLE2);
    writer_.code(opcode::REDUCE);
    writer_.code(opcode::POP);
  }

  Writer& writer_;
};

}  // namespace multiprocessing::detail
