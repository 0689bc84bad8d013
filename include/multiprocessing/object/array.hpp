// SPDX-License-Identifier: BSL-1.0
/// \file
/// array: Python's array.array.
#pragma once

#include <multiprocessing/object/array_items.hpp>
#include <multiprocessing/object/bytes.hpp>
#include <multiprocessing/object/members.hpp>
#include <multiprocessing/object/nodes.hpp>
#include <multiprocessing/object/object.hpp>

#include <multiprocessing/errors.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace multiprocessing {

/// An object that is an array.array: numbers of one type in one piece of memory. It does not change here.
class array : public object {
 public:
  array(detail::Known, object known) noexcept : object(std::move(known)) {}
  /// Throws ValueError if `typecode` is none of bBhHiIlLqQfd, or `content` is no whole number of elements.
  array(char typecode, bytes content)
      : object(detail::ObjectAccess::adopt(detail::Kind::array,
                                           new (::operator new(sizeof(detail::ArrayNode))) detail::ArrayNode)) {
    const std::size_t size = detail::item_size(typecode);
    if (size == 0)
      throw ValueError("array: bad typecode '" + std::string(1, typecode) + "', must be one of bBhHiIlLqQfd");
    if (content.size() % size != 0) {
      throw ValueError("array: " + std::to_string(content.size()) + " bytes are no whole number of elements of " +
                       std::to_string(size));
    }
    node().typecode = typecode;
    node().content = std::move(content);
  }
  template <class Number, std::size_t Extent>
  explicit array(std::span<const Number, Extent> numbers)
      : array(detail::typecode_of<Number>(), bytes(std::as_bytes(numbers))) {}

  char typecode() const { return node().typecode; }
  std::size_t itemsize() const { return detail::item_size(typecode()); }
  std::size_t size() const { return detail::array_size(node()); }
  object operator[](const object& index) const {
    return detail::array_item(node(), detail::position_of(index, size(), "array"));
  }
  /// The elements where they lie. Throws TypeError if they are of another type.
  template <class Number>
  std::span<const Number> view() const {
    const auto content = detail::ObjectAccess::text(node().content);
    const bool aligned = reinterpret_cast<std::uintptr_t>(content.data()) % alignof(Number) == 0;
    const bool same = detail::plain_typecode(typecode()) == detail::typecode_of<Number>();
    if (!same || !aligned) throw TypeError("array: its elements are of typecode '" + std::string(1, typecode()) + "'");
    return {reinterpret_cast<const Number*>(content.data()), size()};
  }

 private:
  detail::ArrayNode& node() const { return detail::ObjectAccess::node_as<detail::ArrayNode>(*this); }
};

}  // namespace multiprocessing
