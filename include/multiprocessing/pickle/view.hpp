// SPDX-License-Identifier: BSL-1.0
/// \file
/// TapeView and ObjectView: one way to look at a value, whether a message says it or an object is it.
#pragma once

#include <multiprocessing/object/array_items.hpp>
#include <multiprocessing/object/compare.hpp>
#include <multiprocessing/object/members.hpp>
#include <multiprocessing/object/nodes.hpp>
#include <multiprocessing/pickle/build_object.hpp>
#include <multiprocessing/pickle/tape.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <utility>

namespace multiprocessing::detail {

/// One level of nesting, as long as it lives.
class Level {
 public:
  explicit Level(std::size_t& left) : left_(left) { --left_; }
  Level(const Level&) = delete;
  ~Level() { ++left_; }

 private:
  std::size_t& left_;
};

/// The words for a kind in a message to a person.
inline const char* words_for(Kind kind) {
  constexpr const char* words[] = {"None",    "a bool",   "an int",  "a float",  "a str",       "bytes",
                                   "a tuple", "a list",   "a dict",  "a set",    "a frozenset", "a bytearray",
                                   "a slice", "an array", "a class", "an object"};
  return words[static_cast<std::size_t>(kind)];
}

/// The same for a value, of which only Python may know the class.
template <class View>
std::string words_of(const View& view) {
  if (view.kind() != Kind::instance || view.callable().kind() != Kind::global) return words_for(view.kind());
  const auto callable = view.callable();
  return "an object of " + std::string(callable.module()) + '.' + std::string(callable.name());
}

/// A value of a message.
class TapeView {
 public:
  TapeView(const Value& value, TapeReading& reading) : value_(value), reading_(&reading) {}

  Kind kind() const { return value_.what(); }
  bool is_big() const { return value_.big != 0; }
  std::int64_t integer() const { return value_.integer; }
  double real() const { return value_.real; }
  /// Of a str, bytes, bytearray, array, or a big integer.
  std::string_view text() const {
    return kind() == Kind::bytearray || kind() == Kind::array ? value_.body->items[0].view() : value_.view();
  }

  /// How many items follow; of a dict or instance, pairs are counted by pair_count().
  std::size_t size() const { return value_.body->items.count(); }
  /// Of a list, tuple or slice.
  TapeView item(std::size_t at) const { return at_value(value_.body->items.nth(at)); }
  template <class Use>
  void each(Use use) const {
    value_.body->items.each([&](const Value& value) { use(at_value(value)); });
  }
  std::size_t pair_count() const { return pair_items().size / 2; }
  template <class Use>
  void each_pair(Use use) const {
    const Items& items = pair_items();
    for (std::size_t i = 0; i < items.size; i += 2) use(at_value(items[i]), at_value(items[i + 1]));
  }

  char typecode() const { return value_.body->typecode; }
  bool swapped() const { return value_.body->swapped; }
  std::string_view module() const { return value_.body->items[0].view(); }
  std::string_view name() const { return value_.body->items[1].view(); }

  How how() const { return value_.instance().how; }
  TapeView callable() const { return at_value(value_.instance().callable); }
  TapeView args() const { return at_value(value_.instance().args); }
  TapeView state() const { return at_value(value_.instance().state); }

  object make_object() const { return ObjectBuilder(*reading_).build(value_); }
  /// The same for all places that refer to this value; nothing where there is only one.
  const void* identity() const { return kind() >= Kind::tuple && value_.body->shared ? value_.body : nullptr; }
  MadePointers& pointers() const { return reading_->pointers; }

  Level descend() const {
    if (reading_->depth_left == 0)
      throw UnpicklingError("nested more deeply than LoadsOptions::depth allows", offset());
    return Level(reading_->depth_left);
  }
  void spend_values(std::size_t count) const { reading_->message.spend_values(count); }
  void spend_bytes(std::size_t count) const { reading_->message.spend_bytes(count); }
  [[noreturn]] void refuse(const std::string& wanted) const {
    throw UnpicklingError(words_of(*this) + " where " + wanted + " is wanted", offset());
  }
  [[noreturn]] void refuse_value(const std::string& why) const { throw UnpicklingError(why, offset()); }

 private:
  TapeView at_value(const Value& value) const { return {value, *reading_}; }
  const Items& pair_items() const { return kind() == Kind::dict ? value_.body->items : value_.instance().pairs; }
  std::size_t offset() const {
    if (kind() >= Kind::tuple) return value_.body->offset;
    const bool has_text = kind() == Kind::str || kind() == Kind::bytes || value_.big != 0;
    if (!has_text && value_.in_run == 0) return value_.extra;
    const auto* const place =
        has_text ? value_.text : reinterpret_cast<const char*>(static_cast<std::uintptr_t>(value_.extra));
    return reading_->message.holds(place) ? reading_->message.offset_of(place) : reading_->message.offset();
  }

  Value value_;
  TapeReading* reading_;
};

/// What is read from one object has in common.
struct ObjectReading {
  std::size_t depth_left = static_cast<std::size_t>(deepest_comparison);
  std::size_t values_left = std::size_t{1} << 30;  // what holds itself twice would be read for ever
  std::list<object> resolved = {};                 // what weak references referred to
  MadePointers pointers = {};
};

/// A value that is an object.
class ObjectView {
 public:
  ObjectView(const object& value, ObjectReading& reading) : value_(&value), reading_(&reading) {
    if (ObjectAccess::is_weak(value)) value_ = &reading.resolved.emplace_back(value);
  }

  Kind kind() const { return ObjectAccess::kind(*value_); }
  bool is_big() const { return detail::is_big(*value_); }
  std::int64_t integer() const { return ObjectAccess::integer(*value_); }
  double real() const { return ObjectAccess::real(*value_); }
  std::string_view text() const {
    return kind() == Kind::array ? ObjectAccess::text(node<ArrayNode>().content) : bytes_of(*value_);
  }

  std::size_t size() const {
    switch (kind()) {
      case Kind::list: return node<ListNode>().items.size();
      case Kind::instance: return node<InstanceNode>().items.size();
      case Kind::dict:
      case Kind::set:
      case Kind::frozenset: return node<Table>().size();
      default: return node<TupleNode>().size;
    }
  }
  ObjectView item(std::size_t at) const {
    return at_object(kind() == Kind::list ? node<ListNode>().items[at] : node<TupleNode>().data()[at]);
  }
  template <class Use>
  void each(Use use) const {
    const auto all = [&](const auto& items) {
      for (const object& item : items) use(at_object(item));
    };
    if (kind() == Kind::list) return all(node<ListNode>().items);
    if (kind() == Kind::instance) return all(node<InstanceNode>().items);
    if (!is_set(kind())) return all(node<TupleNode>().items());
    for (const auto& entry : node<Table>().entries()) {
      if (entry.live()) use(at_object(entry.key));
    }
  }
  std::size_t pair_count() const {
    return kind() == Kind::dict ? node<Table>().size() : node<InstanceNode>().pairs.size();
  }
  template <class Use>
  void each_pair(Use use) const {
    if (kind() == Kind::dict) {
      for (const auto& entry : node<Table>().entries()) {
        if (entry.live()) use(at_object(entry.key), at_object(entry.value));
      }
    } else {
      for (const auto& [key, value] : node<InstanceNode>().pairs) use(at_object(key), at_object(value));
    }
  }

  char typecode() const { return node<ArrayNode>().typecode; }
  bool swapped() const { return false; }
  std::string_view module() const { return ObjectAccess::text(node<TupleNode>().data()[0]); }
  std::string_view name() const { return ObjectAccess::text(node<TupleNode>().data()[1]); }

  How how() const { return node<InstanceNode>().how; }
  ObjectView callable() const { return at_object(node<InstanceNode>().callable); }
  ObjectView args() const { return at_object(node<InstanceNode>().args); }
  ObjectView state() const { return at_object(node<InstanceNode>().state); }

  object make_object() const { return *value_; }
  const void* identity() const {
    return kind() >= Kind::tuple && ObjectAccess::node(*value_)->shared() ? ObjectAccess::node(*value_) : nullptr;
  }
  MadePointers& pointers() const { return reading_->pointers; }

  Level descend() const {
    if (reading_->depth_left == 0) throw RecursionError("object.to<T>(): nested too deeply; does it hold itself?");
    return Level(reading_->depth_left);
  }
  void spend_values(std::size_t count) const {
    if (count > reading_->values_left) throw RecursionError("object.to<T>(): too many values; does it hold itself?");
    reading_->values_left -= count;
  }
  void spend_bytes(std::size_t) const {}
  [[noreturn]] void refuse(const std::string& wanted) const {
    throw TypeError("object.to<T>(): " + words_of(*this) + " where " + wanted + " is wanted: " + shown());
  }
  [[noreturn]] void refuse_value(const std::string& why) const {
    throw ValueError("object.to<T>(): " + why + ": " + shown());
  }

 private:
  template <class T>
  T& node() const {
    return ObjectAccess::node_as<T>(*value_);
  }
  ObjectView at_object(const object& value) const { return {value, *reading_}; }
  std::string shown() const {
    constexpr std::size_t most = 80;
    ObjectText shortened(most);
    shortened.append(*value_);
    std::string text = shortened.take();
    if (text.size() <= most) return text;
    std::size_t end = most;
    while ((text[end] & 0xc0) == 0x80) --end;  // not in the middle of a character
    return text.substr(0, end) + "...";
  }

  const object* value_;
  ObjectReading* reading_;
};

}  // namespace multiprocessing::detail
