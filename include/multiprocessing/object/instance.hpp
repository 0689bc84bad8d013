// SPDX-License-Identifier: BSL-1.0
/// \file
/// global and instance: what only Python knows.
#pragma once

#include <multiprocessing/object/members.hpp>
#include <multiprocessing/object/nodes.hpp>
#include <multiprocessing/object/object.hpp>
#include <multiprocessing/object/tuple.hpp>

#include <multiprocessing/errors.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace multiprocessing {

/// An object that names a class or function of Python's: `mp::global("builtins.KeyError")`. Where the class lies in
/// another one, a colon ends the module: `mp::global("shop.stock:Shelf.Item")`.
class global : public object {
 public:
  global(detail::Known, object known) noexcept : object(std::move(known)) {}
  explicit global(std::string_view path) : global(split(path)) {}
  global(std::string_view module, std::string_view name)
      : object(detail::ObjectAccess::adopt(detail::Kind::global, detail::TupleNode::make(2))) {
    part(0) = module;
    part(1) = name;
  }

  /// `builtins` of `builtins.KeyError`.
  std::string module() const { return str_of(part(0)); }
  /// `KeyError` of `builtins.KeyError`.
  std::string name() const { return str_of(part(1)); }

 private:
  explicit global(std::pair<std::string_view, std::string_view> path) : global(path.first, path.second) {}

  static std::pair<std::string_view, std::string_view> split(std::string_view path) {
    const std::size_t colon = path.find(':'), point = path.rfind('.');
    const std::size_t end = colon != path.npos ? colon : point;
    if (end == path.npos || end == 0 || end + 1 == path.size()) {
      throw ValueError("global: '" + std::string(path) + "' names no module; write module.name");
    }
    return {path.substr(0, end), path.substr(end + 1)};
  }
  object& part(std::size_t at) const { return detail::ObjectAccess::node_as<detail::TupleNode>(*this).data()[at]; }
};

/// An object of a class that only Python knows: an exception, a datetime, an object of the peer's own. It is kept as
/// pickle describes it, never made, and written back as it came, so that Python reads an equal one.
class instance : public object {
 public:
  instance(detail::Known, object known) noexcept : object(std::move(known)) {}
  /// Python's `callable(*args)`: `mp::instance(mp::global("builtins.KeyError"), mp::tuple{"key"})`. A state is what
  /// `__setstate__` gets, or what is put into `__dict__`.
  explicit instance(global callable, tuple args = {})
      : object(detail::ObjectAccess::adopt(detail::Kind::instance,
                                           new (::operator new(sizeof(detail::InstanceNode))) detail::InstanceNode)) {
    node().callable = std::move(callable);
    node().args = std::move(args);
  }
  /// An object of `type` as `object.__new__` makes it, and then given `state`, a dict of its attributes.
  static instance with_state(global type, object state) {
    instance made(std::move(type));
    made.node().how = detail::How::newobj;
    made.node().state = std::move(state);
    made.node().has_state = true;
    return made;
  }

  /// What makes it: a class, most often, and then `global`; else another object.
  object callable() const { return node().callable; }
  /// The class's module and name, `queue.Empty`; empty if the callable is no global.
  std::string class_name() const {
    if (detail::ObjectAccess::kind(callable()) != detail::Kind::global) return {};
    const auto parts = detail::ObjectAccess::node_as<detail::TupleNode>(callable()).items();
    return str_of(parts[0]) + '.' + str_of(parts[1]);
  }
  /// A tuple.
  object args() const { return node().args; }
  object state() const { return node().state; }
  /// What is appended to it, if it derives from list or has an `append` otherwise.
  const std::vector<object>& items() const { return node().items; }
  /// What is set in it by key, if it derives from dict.
  const std::vector<std::pair<object, object>>& pairs() const { return node().pairs; }

 private:
  detail::InstanceNode& node() const { return detail::ObjectAccess::node_as<detail::InstanceNode>(*this); }
};

}  // namespace multiprocessing
