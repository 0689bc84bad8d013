// SPDX-License-Identifier: BSL-1.0
/// \file
/// tuple and slice: Python's sequences that do not change.
#pragma once

#include <multiprocessing/object/literal.hpp>
#include <multiprocessing/object/members.hpp>
#include <multiprocessing/object/nodes.hpp>
#include <multiprocessing/object/object.hpp>

#include <cstddef>
#include <utility>

namespace multiprocessing {

/// An object that is a tuple: `mp::tuple{1, "two"}`; `mp::tuple()` is the empty one.
class tuple : public object {
 public:
  using value_type = object;
  using iterator = const object*;

  tuple(detail::Known, object known) noexcept : object(std::move(known)) {}
  tuple() : object(detail::ObjectAccess::adopt(detail::Kind::tuple, detail::TupleNode::make(0))) {}
  template <class... Items>
  requires detail::literal_of<tuple, Items...>
  explicit(sizeof...(Items) == 1) tuple(Items&&... items)
      : object(detail::ObjectAccess::adopt(detail::Kind::tuple, detail::TupleNode::make(sizeof...(Items)))) {
    object* at = node().data();
    ((*at++ = object(std::forward<Items>(items))), ...);
  }

  std::size_t size() const { return node().size; }
  bool empty() const { return size() == 0; }
  iterator begin() const { return node().data(); }
  iterator end() const { return node().data() + size(); }

 private:
  detail::TupleNode& node() const { return detail::ObjectAccess::node_as<detail::TupleNode>(*this); }
};

/// An object that is a slice: Python's `slice(start, stop, step)`, what stands in `x[start:stop:step]`.
class slice : public object {
 public:
  slice(detail::Known, object known) noexcept : object(std::move(known)) {}
  explicit slice(object stop) : slice(None, std::move(stop)) {}
  slice(object start, object stop, object step = None)
      : object(detail::ObjectAccess::adopt(detail::Kind::slice, detail::TupleNode::make(3))) {
    part(0) = std::move(start);
    part(1) = std::move(stop);
    part(2) = std::move(step);
  }

  const object& start() const { return part(0); }
  const object& stop() const { return part(1); }
  const object& step() const { return part(2); }

 private:
  object& part(std::size_t at) const { return detail::ObjectAccess::node_as<detail::TupleNode>(*this).data()[at]; }
};

}  // namespace multiprocessing
