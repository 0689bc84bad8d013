// SPDX-License-Identifier: BSL-1.0
/// \file
/// Python's text of objects.
#pragma once

#include <multiprocessing/object/array_items.hpp>
#include <multiprocessing/object/compare.hpp>
#include <multiprocessing/object/nodes.hpp>
#include <multiprocessing/object/object.hpp>
#include <multiprocessing/object/wire_text.hpp>

#include <multiprocessing/detail/text/number.hpp>
#include <multiprocessing/detail/text/quote.hpp>

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// Writes the text of an object, and knows in what it is, so that a list in itself reads `[...]`.
class ObjectText {
 public:
  ObjectText() = default;
  /// Ends soon after `most` bytes. What repeats itself by references is exponentially long.
  explicit ObjectText(std::size_t most) : most_(most) {}

  std::string take() { return std::move(out_); }

  void append(const object& x) {
    using Access = ObjectAccess;
    if (is_full()) return;
    if (Access::is_weak(x)) return append(object(x));
    switch (Access::kind(x)) {
      case Kind::none: out_ += "None"; return;
      case Kind::boolean: out_ += Access::integer(x) != 0 ? "True" : "False"; return;
      case Kind::integer:
        is_big(x) ? append_big_integer(out_, Access::text(x)) : append_integer(out_, Access::integer(x));
        return;
      case Kind::real: append_float(out_, Access::real(x)); return;
      case Kind::str: append_wire_quoted(out_, Access::text(x)); return;
      case Kind::bytes: append_bytes(out_, Access::text(x)); return;
      default: append_container(x);
    }
  }

 private:
  static constexpr std::size_t deepest = 500;  // beyond, only an ellipsis: text must not end a program

  bool is_full() const { return out_.size() > most_; }

  void append_container(const object& x) {
    Node* const node = ObjectAccess::node(x);
    const bool inside_itself = std::find(open_.begin(), open_.end(), node) != open_.end();
    if (inside_itself || open_.size() == deepest) {
      append_ellipsis(x);
      return;
    }
    open_.push_back(node);
    append_open(x);
    open_.pop_back();
  }

  void append_ellipsis(const object& x) {
    switch (ObjectAccess::kind(x)) {
      case Kind::list: out_ += "[...]"; return;
      case Kind::tuple: out_ += "(...)"; return;
      case Kind::dict: out_ += "{...}"; return;
      case Kind::instance: out_ += name_of(ObjectAccess::node_as<InstanceNode>(x).callable) + "(...)"; return;
      default: out_ += x.type_name() + "(...)";
    }
  }

  void append_open(const object& x) {
    using Access = ObjectAccess;
    switch (Access::kind(x)) {
      case Kind::list: append_items("[", Access::node_as<ListNode>(x).items, "]"); return;
      case Kind::tuple: {
        const auto items = Access::node_as<TupleNode>(x).items();
        append_items("(", items, items.size() == 1 ? ",)" : ")");
        return;
      }
      case Kind::slice: append_items("slice(", Access::node_as<TupleNode>(x).items(), ")"); return;
      case Kind::global: out_ += "<class '" + name_of(x) + "'>"; return;
      case Kind::bytearray: append_bytearray(Access::node_as<BytearrayNode>(x).content); return;
      case Kind::dict:
        append_table("{", Access::node_as<Table>(x), "}", [&](const Table::Entry& entry) {
          append(entry.key);
          out_ += ": ";
          append(entry.value);
        });
        return;
      case Kind::set:
      case Kind::frozenset: append_set(Access::node_as<Table>(x), Access::kind(x) == Kind::frozenset); return;
      case Kind::array: append_array(Access::node_as<ArrayNode>(x)); return;
      default: append_instance(Access::node_as<InstanceNode>(x));
    }
  }

  void append_bytearray(const std::string& content) {
    std::string quoted;
    append_bytes(quoted, content);
    out_ += "bytearray(";
    for (const char c : quoted) {
      // Unlike bytes, Python's bytearray escapes single quotes in double ones, too.
      if (c == '\'' && quoted[1] == '"') out_ += '\\';
      out_ += c;
    }
    out_ += ')';
  }

  void separate(bool& first) {
    if (!std::exchange(first, false)) out_ += ", ";
  }

  template <class Items>
  void append_items(const char* open, const Items& items, const char* close) {
    out_ += open;
    bool first = true;
    for (const object& item : items) {
      if (is_full()) break;
      separate(first);
      append(item);
    }
    out_ += close;
  }

  template <class Append>
  void append_table(const char* open, Table& table, const char* close, Append append_entry) {
    out_ += open;
    bool first = true;
    for (const auto& entry : table.entries()) {
      if (is_full()) break;
      if (!entry.live()) continue;
      separate(first);
      append_entry(entry);
    }
    out_ += close;
  }

  void append_set(Table& table, bool frozen) {
    const auto append_key = [&](const Table::Entry& entry) { append(entry.key); };
    if (table.size() == 0) {
      out_ += frozen ? "frozenset()" : "set()";
    } else if (frozen) {
      append_table("frozenset({", table, "})", append_key);
    } else {
      append_table("{", table, "}", append_key);
    }
  }

  void append_array(const ArrayNode& array) {
    out_.append("array('").append(1, array.typecode).append(1, '\'');
    bool first = true;
    for_each_array_item(array, [&](const object& item) {
      if (is_full()) return;
      out_ += first ? ", [" : ", ";
      first = false;
      append(item);
    });
    out_ += first ? ")" : "])";
  }

  /// As a dataclass shows itself. What a class of Python's would really say, only Python knows.
  void append_instance(const InstanceNode& instance) {
    if (append_complex_of(instance)) return;
    out_ += name_of(instance.callable);
    bool first = true;
    if (ObjectAccess::kind(instance.args) == Kind::tuple) {
      append_items("(", ObjectAccess::node_as<TupleNode>(instance.args).items(), "");
      first = ObjectAccess::node_as<TupleNode>(instance.args).size == 0;
    } else {
      out_ += '(';
    }
    append_keywords(instance.keywords, first);
    if (!instance.items.empty()) {
      separate(first);
      append_items("[", instance.items, "]");
    }
    if (!instance.pairs.empty()) append_pairs(instance.pairs, first);
    if (instance.has_state) append_keywords(instance.state, first);
    out_ += ')';
  }

  bool append_complex_of(const InstanceNode& instance) {
    if (name_of(instance.callable) != "complex" || ObjectAccess::kind(instance.args) != Kind::tuple) return false;
    const auto args = ObjectAccess::node_as<TupleNode>(instance.args).items();
    const auto is_real = [](const object& x) { return ObjectAccess::kind(x) == Kind::real; };
    if (args.size() != 2 || !is_real(args[0]) || !is_real(args[1])) return false;
    append_complex(out_, ObjectAccess::real(args[0]), ObjectAccess::real(args[1]));
    return true;
  }

  void append_pairs(const std::vector<std::pair<object, object>>& pairs, bool& first) {
    separate(first);
    out_ += '{';
    bool first_pair = true;
    for (const auto& [key, value] : pairs) {
      if (is_full()) break;
      separate(first_pair);
      append(key);
      out_ += ": ";
      append(value);
    }
    out_ += '}';
  }

  /// `name=value` of a dict with names as keys; anything else as it is.
  void append_keywords(const object& keywords, bool& first) {
    if (keywords.is_none()) return;
    if (ObjectAccess::is_weak(keywords) || ObjectAccess::kind(keywords) != Kind::dict) {
      separate(first);
      append(keywords);
      return;
    }
    for (const auto& entry : ObjectAccess::node_as<Table>(keywords).entries()) {
      if (is_full()) break;
      if (!entry.live()) continue;
      separate(first);
      const bool is_name = ObjectAccess::kind(entry.key) == Kind::str && !ObjectAccess::is_weak(entry.key);
      is_name ? void(out_ += ObjectAccess::text(entry.key)) : append(entry.key);
      out_ += '=';
      append(entry.value);
    }
  }

  /// `module.name`; of a builtin just the name, as Python shows it.
  static std::string name_of(const object& callable) {
    if (ObjectAccess::is_weak(callable) || ObjectAccess::kind(callable) != Kind::global) return "<callable>";
    const auto parts = ObjectAccess::node_as<TupleNode>(callable).items();
    const std::string module(ObjectAccess::text(parts[0])), name(ObjectAccess::text(parts[1]));
    return module == "builtins" ? name : module + '.' + name;
  }

  std::string out_;
  const std::size_t most_ = std::string::npos;
  std::vector<Node*> open_;
};

}  // namespace multiprocessing::detail

namespace multiprocessing {

inline std::string object::repr() const {
  detail::ObjectText text;
  text.append(*this);
  return text.take();
}

inline std::string object::str() const {
  if (kind_ == detail::Kind::str) return detail::from_wire(detail::ObjectAccess::text(*this));
  return repr();
}

inline std::ostream& object::print(std::ostream& stream) const { return stream << str(); }

}  // namespace multiprocessing
