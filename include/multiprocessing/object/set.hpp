// SPDX-License-Identifier: BSL-1.0
/// \file
/// set and frozenset: Python's sets.
#pragma once

#include <multiprocessing/object/dict.hpp>
#include <multiprocessing/object/literal.hpp>
#include <multiprocessing/object/object.hpp>
#include <multiprocessing/object/table.hpp>

#include <cstddef>
#include <utility>

namespace multiprocessing {

namespace detail {

/// What both kinds of set can do.
template <class Self, Kind kind>
class SetObject : public object {
 public:
  using key_type = object;
  using iterator = TableIterator<GiveKey>;

  SetObject() : object(new_table(kind)) {}
  SetObject(Known, object known) noexcept : object(std::move(known)) {}

  std::size_t size() const { return table().size(); }
  bool empty() const { return size() == 0; }
  iterator begin() const { return {&table(), 0}; }
  iterator end() const { return {&table(), table().entries().size()}; }
  bool contains(const object& item) const { return table().find(item) != nullptr; }

 protected:
  Table& table() const { return ObjectAccess::node_as<Table>(*this); }
};

}  // namespace detail

/// An object that is a set: `mp::set{1, "two"}`. It keeps the order of insertion, which Python's does not. Copies refer
/// to the same one.
class set : public detail::SetObject<set, detail::Kind::set> {
 public:
  set() = default;
  set(detail::Known, object known) noexcept : SetObject(detail::Known(), std::move(known)) {}
  template <class... Items>
  requires detail::literal_of<set, Items...>
  explicit(sizeof...(Items) == 1) set(Items&&... items) { (add(std::forward<Items>(items)), ...); }

  void add(object item) const { table().insert(std::move(item)); }
  /// Takes `item` out; returns whether it was there.
  bool discard(const object& item) const { return table().erase(item); }
  void clear() const { table().clear(); }
};

/// An object that is a frozenset, and so may be a dict's key: `mp::frozenset{1, "two"}`.
class frozenset : public detail::SetObject<frozenset, detail::Kind::frozenset> {
 public:
  frozenset() = default;
  frozenset(detail::Known, object known) noexcept : SetObject(detail::Known(), std::move(known)) {}
  template <class... Items>
  requires detail::literal_of<frozenset, Items...>
  explicit(sizeof...(Items) == 1) frozenset(Items&&... items) { (table().insert(std::forward<Items>(items)), ...); }
};

}  // namespace multiprocessing
