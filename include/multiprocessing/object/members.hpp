// SPDX-License-Identifier: BSL-1.0
/// \file
/// What objects of every kind can do: be made, named, measured and indexed.
#pragma once

#include <multiprocessing/object/array_items.hpp>
#include <multiprocessing/object/big_integer.hpp>
#include <multiprocessing/object/compare.hpp>
#include <multiprocessing/object/nodes.hpp>
#include <multiprocessing/object/object.hpp>
#include <multiprocessing/object/text.hpp>
#include <multiprocessing/object/wire_text.hpp>

#include <multiprocessing/detail/core/floating.hpp>
#include <multiprocessing/errors.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace multiprocessing {

namespace detail {

/// An integer from its two's complement, trimmed or not.
inline object object_from_twos(std::string_view twos) {
  twos = trimmed(twos);
  if (twos.size() <= 8) return ObjectAccess::inline_integer(static_cast<std::int64_t>(wide_of(twos)));
  return ObjectAccess::adopt(Kind::integer, BlobNode::make(twos));
}

inline object object_from_wide(wide_integer value) {
  const auto bytes = twos_of(value);
  return object_from_twos({bytes.data(), bytes.size()});
}

inline std::string class_name_of(const object& x) {
  const object callable = ObjectAccess::node_as<InstanceNode>(x).callable;
  if (ObjectAccess::kind(callable) != Kind::global) return "object";
  std::string name(ObjectAccess::text(ObjectAccess::node_as<TupleNode>(callable).data()[1]));
  return name.substr(name.rfind('.') + 1);
}

/// The position that `index` means in `size` elements; negative ones count from the end.
inline std::size_t position_of(const object& index, std::size_t size, const char* container) {
  const Kind kind = ObjectAccess::kind(index);
  if (kind != Kind::integer && kind != Kind::boolean) {
    throw TypeError(std::string(container) + " indices must be integers or slices, not " + index.type_name());
  }
  const auto length = static_cast<std::int64_t>(size);
  const std::int64_t given = is_big(index) ? length : ObjectAccess::integer(index);
  const std::int64_t at = given < 0 ? given + length : given;
  if (at < 0 || at >= length) {
    throw IndexError(std::string(container) + " index out of range: " + repr_of(index) + " of " + std::to_string(size));
  }
  return static_cast<std::size_t>(at);
}

/// `x[key]`, or an exception.
inline object& item_of(const object& x, const object& key) {
  using Access = ObjectAccess;
  if (Access::is_weak(x)) return item_of(object(x), key);  // what it refers to, its content holds as well
  switch (Access::kind(x)) {
    case Kind::list: {
      auto& items = Access::node_as<ListNode>(x).items;
      return items[position_of(key, items.size(), "list")];
    }
    case Kind::tuple: {
      auto& tuple = Access::node_as<TupleNode>(x);
      return tuple.data()[position_of(key, tuple.size, "tuple")];
    }
    case Kind::dict: {
      auto* entry = Access::node_as<Table>(x).find(key);
      if (entry == nullptr) throw KeyError(repr_of(key));
      return entry->value;
    }
    default: throw TypeError("'" + x.type_name() + "' object is not subscriptable");
  }
}

}  // namespace detail

template <detail::object_number Integer>
object::object(Integer value) : object() {
  if (std::in_range<std::int64_t>(value)) {
    integer_ = static_cast<std::int64_t>(value);
    kind_ = detail::Kind::integer;
  } else {
    *this = detail::object_from_wide(static_cast<detail::wide_integer>(value));
  }
}

inline object object::from_double(double value) {
  if (!detail::is_nan(value)) return detail::ObjectAccess::inline_real(value);
  // A nan is equal to none, not even itself; what makes it a key that can be found again is its identity.
  const std::string_view bytes(reinterpret_cast<const char*>(&value), sizeof value);
  return detail::ObjectAccess::adopt(detail::Kind::real, detail::BlobNode::make(bytes));
}

inline object::object(std::string_view text)
    : object(detail::ObjectAccess::text(detail::Kind::str, detail::needs_escape(text) ? detail::to_wire(text) : text)) {
}

inline std::string object::type_name() const {
  using detail::Kind;
  if (form_ == weak) return object(*this).type_name();
  switch (kind_) {
    case Kind::none: return "NoneType";
    case Kind::boolean: return "bool";
    case Kind::integer: return "int";
    case Kind::real: return "float";
    case Kind::str: return "str";
    case Kind::bytes: return "bytes";
    case Kind::tuple: return "tuple";
    case Kind::list: return "list";
    case Kind::dict: return "dict";
    case Kind::set: return "set";
    case Kind::frozenset: return "frozenset";
    case Kind::bytearray: return "bytearray";
    case Kind::slice: return "slice";
    case Kind::array: return "array";
    case Kind::global: return "type";
    default: return detail::class_name_of(*this);
  }
}

inline object::operator bool() const {
  using detail::Kind;
  if (form_ == weak) return static_cast<bool>(object(*this));
  switch (kind_) {
    case Kind::none: return false;
    case Kind::boolean:
    case Kind::integer: return has_node() || integer_ != 0;
    case Kind::real: return has_node() || real_ != 0;
    case Kind::slice:
    case Kind::global:
    case Kind::instance: return true;
    default: return size() != 0;
  }
}

inline std::size_t object::size() const {
  using detail::Kind;
  using Access = detail::ObjectAccess;
  if (form_ == weak) return object(*this).size();
  switch (kind_) {
    case Kind::str: return detail::code_points(Access::text(*this));
    case Kind::bytes:
    case Kind::bytearray: return detail::bytes_of(*this).size();
    case Kind::tuple: return Access::node_as<detail::TupleNode>(*this).size;
    case Kind::list: return Access::node_as<detail::ListNode>(*this).items.size();
    case Kind::dict:
    case Kind::set:
    case Kind::frozenset: return Access::node_as<detail::Table>(*this).size();
    case Kind::array: return detail::array_size(Access::node_as<detail::ArrayNode>(*this));
    default: throw TypeError("object of type '" + type_name() + "' has no len()");
  }
}

inline const object& object::operator[](const object& key) const { return detail::item_of(*this, key); }

inline bool object::contains(const object& key) const {
  using detail::Kind;
  using Access = detail::ObjectAccess;
  if (form_ == weak) return object(*this).contains(key);
  const auto among = [&](const auto& items) {
    return std::any_of(items.begin(), items.end(), [&](const object& item) { return detail::same_key(item, key); });
  };
  switch (kind_) {
    case Kind::list: return among(Access::node_as<detail::ListNode>(*this).items);
    case Kind::tuple: return among(Access::node_as<detail::TupleNode>(*this).items());
    case Kind::dict:
    case Kind::set:
    case Kind::frozenset: return Access::node_as<detail::Table>(*this).find(key) != nullptr;
    case Kind::str:
      if (key.kind_ != Kind::str)
        throw TypeError("'in <string>' requires string as left operand, not " + key.type_name());
      return Access::text(*this).find(Access::text(key)) != std::string_view::npos;
    default: throw TypeError("argument of type '" + type_name() + "' is not iterable");
  }
}

}  // namespace multiprocessing
