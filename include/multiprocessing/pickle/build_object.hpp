// SPDX-License-Identifier: BSL-1.0
/// \file
/// ObjectBuilder: from a tape to objects.
#pragma once

#include <multiprocessing/object/array_items.hpp>
#include <multiprocessing/object/compare.hpp>
#include <multiprocessing/object/members.hpp>
#include <multiprocessing/object/nodes.hpp>
#include <multiprocessing/pickle/message.hpp>
#include <multiprocessing/pickle/number_table.hpp>
#include <multiprocessing/pickle/tape.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// What shared pointers were made of, by what it is in the message and as which type.
class MadePointers {
 public:
  /// Null if none was made.
  std::shared_ptr<void> find(const void* identity, std::type_index type) const {
    const Made* const known = made_.find(key_of(identity), [&](const Made& each) { return each.type == type; });
    return known == nullptr ? nullptr : known->pointer;
  }
  void add(const void* identity, std::type_index type, std::shared_ptr<void> pointer) {
    made_.add(key_of(identity), {type, std::move(pointer)});
  }

 private:
  struct Made {
    std::type_index type;
    std::shared_ptr<void> pointer;
  };

  Indexed<Made> made_;
};

/// What is read from one message has in common: its tape's objects so far, and how deep the reader is.
struct TapeReading {
  Message& message;
  std::size_t depth_left;
  std::vector<object> made = {};  // of shared bodies, by Body::made
  std::size_t steps = message.values_left() * 4;
  MadePointers pointers = {};
};

/// Makes objects of values. What the message shares is shared; what lies in itself refers back without keeping itself.
class ObjectBuilder {
 public:
  explicit ObjectBuilder(TapeReading& reading)
      : reading_(reading), outer_steps_(std::exchange(steps_left, &reading.steps)) {}
  ObjectBuilder(const ObjectBuilder&) = delete;
  ~ObjectBuilder() { steps_left = outer_steps_; }

  object build(const Value& value) {
    switch (value.what()) {
      case Kind::none: return {};
      case Kind::boolean: return value.integer != 0;
      case Kind::integer:
        if (value.big != 0) {
          reading_.message.spend_bytes(value.extra);
          return object_from_twos(value.view());
        }
        return ObjectAccess::inline_integer(value.integer);
      case Kind::real: return value.real;
      case Kind::str:
      case Kind::bytes:
        if (value.extra > 14) reading_.message.spend_bytes(value.extra);
        return ObjectAccess::text(value.what(), value.view());
      default: return container(value);
    }
  }

 private:
  object container(const Value& value) {
    Body& body = *value.body;
    if (body.made != 0) {
      const object& known = reading_.made[body.made - 1];
      return body.open ? ObjectAccess::weak_to(known) : known;
    }
    if (reading_.depth_left == 0)
      throw UnpicklingError("nested more deeply than LoadsOptions::depth allows", body.offset);
    reading_.message.spend_values(body.items.count() + 1);
    --reading_.depth_left;
    object made = empty(value);
    if (body.shared) {
      reading_.made.push_back(made);
      body.made = static_cast<std::uint32_t>(reading_.made.size());
    }
    body.open = true;
    fill(made, value);
    body.open = false;
    ++reading_.depth_left;
    return made;
  }

  template <class Node>
  static object new_node(Kind kind) {
    return ObjectAccess::adopt(kind, new (::operator new(sizeof(Node))) Node);
  }

  static object empty(const Value& value) {
    const Kind kind = value.what();
    switch (kind) {
      case Kind::list: return new_node<ListNode>(kind);
      case Kind::dict:
      case Kind::set:
      case Kind::frozenset: return new_node<Table>(kind);
      case Kind::bytearray: return new_node<BytearrayNode>(kind);
      case Kind::array: return new_node<ArrayNode>(kind);
      case Kind::instance: return new_node<InstanceNode>(kind);
      default: return ObjectAccess::adopt(kind, TupleNode::make(value.body->items.count()));
    }
  }

  void fill(const object& made, const Value& value) {
    const Body& body = *value.body;
    const Items& items = body.items;
    switch (value.what()) {
      case Kind::list: return fill_list(ObjectAccess::node_as<ListNode>(made).items, items);
      case Kind::dict: return fill_dict(ObjectAccess::node_as<Table>(made), body);
      case Kind::set:
      case Kind::frozenset: return fill_set(ObjectAccess::node_as<Table>(made), body);
      case Kind::bytearray: {
        const auto content = items[0].view();
        reading_.message.spend_bytes(content.size());
        ObjectAccess::node_as<BytearrayNode>(made).content = content;
        return;
      }
      case Kind::array: return fill_array(ObjectAccess::node_as<ArrayNode>(made), body);
      case Kind::instance: return fill_instance(ObjectAccess::node_as<InstanceNode>(made), value.instance());
      default: {
        object* at = ObjectAccess::node_as<TupleNode>(made).data();
        items.each([&](const Value& item) { *at++ = build(item); });
      }
    }
  }

  void fill_list(std::vector<object>& list, const Items& items) {
    list.reserve(items.count());
    items.each([&](const Value& item) { list.push_back(build(item)); });
  }

  /// Calls `insert`, and says where it was if the key is none that Python would take.
  template <class Insert>
  static void at_key(const Body& body, Insert insert) {
    try {
      insert();
    } catch (const TypeError& error) {
      throw UnpicklingError(error.what(), body.offset);
    } catch (const RecursionError& error) {
      throw UnpicklingError(error.what(), body.offset);
    }
  }

  void fill_dict(Table& table, const Body& body) {
    table.reserve(body.items.size / 2);
    Batch batch(table);
    at_key(body, [&] {
      for (std::size_t i = 0; i < body.items.size; i += 2) {
        object key = build(body.items[i]);
        batch.add(std::move(key), build(body.items[i + 1]));
      }
      batch.finish();
    });
  }

  void fill_set(Table& table, const Body& body) {
    table.reserve(body.items.count());
    Batch batch(table);
    at_key(body, [&] {
      body.items.each([&](const Value& item) { batch.add(build(item), object()); });
      batch.finish();
    });
  }

  /// Keys on their way into a table: a large one is not in the cache, and several wait for it at once.
  class Batch {
   public:
    explicit Batch(Table& table) : table_(table) {}

    void add(object key, object value) {
      if (count_ == most) finish();
      Waiting& waiting = waiting_[count_++];
      waiting.hash = table_.hash(key);
      table_.prefetch(waiting.hash);
      waiting.key = std::move(key);
      waiting.value = std::move(value);
    }
    void finish() {
      for (Waiting* waiting = waiting_; waiting != waiting_ + count_; ++waiting) {
        table_.insert_from_python(std::move(waiting->key), waiting->hash).first->value = std::move(waiting->value);
      }
      count_ = 0;
    }

   private:
    static constexpr int most = 16;
    struct Waiting {
      object key;
      object value;
      std::uint64_t hash = 0;
    };

    Table& table_;
    Waiting waiting_[most];
    int count_ = 0;
  };

  void fill_array(ArrayNode& array, const Body& body) {
    const auto content = body.items[0].view();
    reading_.message.spend_bytes(content.size());
    array.typecode = body.typecode;
    if (!body.swapped) {
      array.content = ObjectAccess::text(Kind::bytes, content);
      return;
    }
    std::string swapped(content);
    const std::size_t size = item_size(body.typecode);
    for (auto at = swapped.begin(); at != swapped.end(); at += static_cast<std::ptrdiff_t>(size)) {
      std::reverse(at, at + static_cast<std::ptrdiff_t>(size));
    }
    array.content = ObjectAccess::text(Kind::bytes, swapped);
  }

  void fill_instance(InstanceNode& instance, const InstanceBody& body) {
    reading_.message.spend_values(body.pairs.size);
    instance.how = body.how;
    instance.callable = build(body.callable);
    instance.args = build(body.args);
    instance.keywords = build(body.keywords);
    fill_list(instance.items, body.items);
    instance.pairs.reserve(body.pairs.size / 2);
    for (std::size_t i = 0; i < body.pairs.size; i += 2) {
      object key = build(body.pairs[i]);
      instance.pairs.emplace_back(std::move(key), build(body.pairs[i + 1]));
    }
    instance.has_state = body.has_state;
    instance.state = build(body.state);
    instance.setter = build(body.setter);
  }

  TapeReading& reading_;
  std::size_t* const outer_steps_;
};

}  // namespace multiprocessing::detail
