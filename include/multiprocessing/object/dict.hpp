// SPDX-License-Identifier: BSL-1.0
/// \file
/// dict: Python's dict.
#pragma once

#include <multiprocessing/object/list.hpp>
#include <multiprocessing/object/object.hpp>
#include <multiprocessing/object/table.hpp>

#include <multiprocessing/errors.hpp>

#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <utility>

namespace multiprocessing {

namespace detail {

/// Goes over the entries of a table that are there; what it gives is made by `Give` of each.
template <class Give>
class TableIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using difference_type = std::ptrdiff_t;
  using reference = decltype(Give()(std::declval<Table::Entry&>()));
  using value_type = std::remove_cvref_t<reference>;
  using pointer = void;

  TableIterator() = default;
  TableIterator(Table* table, std::size_t at) : table_(table), at_(at) { skip_holes(); }

  reference operator*() const { return Give()(table_->entries()[at_]); }
  TableIterator& operator++() {
    ++at_;
    skip_holes();
    return *this;
  }
  TableIterator operator++(int) {
    auto before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const TableIterator& a, const TableIterator& b) { return a.at_ == b.at_; }

 private:
  void skip_holes() {
    while (at_ < table_->entries().size() && !table_->entries()[at_].live()) ++at_;
  }

  Table* table_ = nullptr;
  std::size_t at_ = 0;
};

struct GiveKey {
  const object& operator()(Table::Entry& entry) const { return entry.key; }
};
struct GiveItem {
  std::pair<const object&, object&> operator()(Table::Entry& entry) const { return {entry.key, entry.value}; }
};

inline object new_table(Kind kind) { return ObjectAccess::adopt(kind, new (::operator new(sizeof(Table))) Table); }

}  // namespace detail

/// An object that is a dict, in order of insertion: `mp::dict{{"one", 1}, {2, "two"}}`. Keys are equal as in Python:
/// 1, 1.0 and True are one key, and a nan is found again only by a copy of itself. Copies refer to the same dict.
class dict : public object {
 public:
  using key_type = object;
  using mapped_type = object;
  using iterator = detail::TableIterator<detail::GiveItem>;

  dict(detail::Known, object known) noexcept : object(std::move(known)) {}
  dict() : object(detail::new_table(detail::Kind::dict)) {}
  dict(std::initializer_list<std::pair<object, object>> items) : dict() {
    for (const auto& [key, value] : items) (*this)[key] = value;
  }

  std::size_t size() const { return table().size(); }
  bool empty() const { return size() == 0; }
  /// Over pairs of a key and a value that can be assigned: `for (auto [key, value] : d)`. Ends when a key is added.
  iterator begin() const { return {&table(), 0}; }
  iterator end() const { return {&table(), table().entries().size()}; }

  /// The value of `key`, which is None until it is assigned. Throws TypeError if Python cannot hash `key`.
  object& operator[](object key) const { return table().insert(std::move(key)).first->value; }
  /// The value of `key`. Throws KeyError.
  object& at(const object& key) const { return detail::item_of(*this, key); }
  /// The value of `key`, or `otherwise`.
  object get(const object& key, object otherwise = None) const {
    const auto* found = table().find(key);
    return found == nullptr ? otherwise : found->value;
  }
  bool contains(const object& key) const { return table().find(key) != nullptr; }
  /// Takes `key` out; returns whether it was there.
  bool erase(const object& key) const { return table().erase(key); }
  /// Takes `key` out and returns its value. Throws KeyError.
  object pop(const object& key) const {
    object value = at(key);
    table().erase(key);
    return value;
  }
  void update(const dict& other) const {
    for (auto [key, value] : dict(other)) (*this)[key] = value;
  }
  void clear() const { table().clear(); }
  list keys() const {
    list all;
    for (auto [key, value] : *this) all.append(key);
    return all;
  }
  list values() const {
    list all;
    for (auto [key, value] : *this) all.append(value);
    return all;
  }

 private:
  detail::Table& table() const { return detail::ObjectAccess::node_as<detail::Table>(*this); }
};

}  // namespace multiprocessing
