// SPDX-License-Identifier: BSL-1.0
/// \file
/// list: Python's list.
#pragma once

#include <multiprocessing/object/literal.hpp>
#include <multiprocessing/object/members.hpp>
#include <multiprocessing/object/nodes.hpp>
#include <multiprocessing/object/object.hpp>

#include <multiprocessing/errors.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace multiprocessing {

/// An object that is a list: `mp::list{1, "two", mp::list{3.0}}`, `mp::list(mp::range(10))`. Copies refer to the same
/// one.
class list : public object {
 public:
  using value_type = object;
  using iterator = std::vector<object>::iterator;

  list(detail::Known, object known) noexcept : object(std::move(known)) {}
  list() : object(detail::ObjectAccess::adopt(detail::Kind::list, new (node_memory()) detail::ListNode)) {}
  template <class... Items>
  requires detail::literal_of<list, Items...>
  explicit(sizeof...(Items) == 1) list(Items&&... items) : list() {
    this->items().reserve(sizeof...(Items));
    (append(std::forward<Items>(items)), ...);
  }
  template <detail::elements_of Range>
  explicit list(Range&& range) : list() {
    for (auto&& item : range) append(object(item));
  }

  std::size_t size() const { return items().size(); }
  bool empty() const { return items().empty(); }
  iterator begin() const { return items().begin(); }
  iterator end() const { return items().end(); }
  /// Negative indices count from the end. Throws IndexError beyond.
  object& operator[](const object& index) const { return items()[detail::position_of(index, size(), "list")]; }

  void append(object item) const { items().push_back(std::move(item)); }
  template <class Range>
  void extend(const Range& range) const {
    for (auto&& item : range) append(object(item));
  }
  /// Before `index`; beyond either end at that end, as in Python.
  void insert(std::ptrdiff_t index, object item) const;
  /// Takes one out, the last unless told. Throws IndexError.
  object pop(const object& index = -1) const;
  /// Takes the first that is equal out. Throws ValueError.
  void remove(const object& item) const;
  void reverse() const { std::reverse(begin(), end()); }
  void clear() const { items().clear(); }

  /// The elements themselves, to which a list adds only Python's names.
  std::vector<object>& items() const { return detail::ObjectAccess::node_as<detail::ListNode>(*this).items; }

 private:
  static void* node_memory() { return ::operator new(sizeof(detail::ListNode)); }
};

inline void list::insert(std::ptrdiff_t index, object item) const {
  const auto length = static_cast<std::ptrdiff_t>(size());
  const auto at = std::clamp<std::ptrdiff_t>(index < 0 ? index + length : index, 0, length);
  items().insert(begin() + at, std::move(item));
}

inline object list::pop(const object& index) const {
  if (empty()) throw IndexError("pop from empty list");
  const auto at = begin() + static_cast<std::ptrdiff_t>(detail::position_of(index, size(), "pop: list"));
  object taken = std::as_const(*at);  // not moved: outside of the list it holds what it refers to
  items().erase(at);
  return taken;
}

inline void list::remove(const object& item) const {
  const auto at = std::find_if(begin(), end(), [&](const object& mine) { return detail::same_key(mine, item); });
  if (at == end()) throw ValueError("list.remove(x): " + repr_of(item) + " is not in the list");
  items().erase(at);
}

}  // namespace multiprocessing
