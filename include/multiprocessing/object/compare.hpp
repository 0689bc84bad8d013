// SPDX-License-Identifier: BSL-1.0
/// \file
/// Python's equality and hashes of objects.
#pragma once

#include <multiprocessing/object/big_integer.hpp>
#include <multiprocessing/object/nodes.hpp>
#include <multiprocessing/object/object.hpp>

#include <multiprocessing/detail/core/floating.hpp>
#include <multiprocessing/errors.hpp>

#include <algorithm>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace multiprocessing::detail {

/// Deeper than this, only a cycle is likely.
inline constexpr int deepest_comparison = 500;

/// Shared parts are compared and hashed as often as they are reached, which can be exponentially often. Who reads what
/// a stranger wrote sets a limit for the thread while it does.
inline thread_local std::size_t* steps_left = nullptr;

inline void spend_step() {
  if (steps_left != nullptr && (*steps_left)-- == 0) {
    *steps_left = 0;
    throw RecursionError("the keys take too many steps to compare");
  }
}

inline bool is_number(Kind kind) { return kind == Kind::boolean || kind == Kind::integer || kind == Kind::real; }
inline bool is_set(Kind kind) { return kind == Kind::set || kind == Kind::frozenset; }
inline bool is_bytes(Kind kind) { return kind == Kind::bytes || kind == Kind::bytearray; }
inline bool is_big(const object& x) { return ObjectAccess::kind(x) == Kind::integer && ObjectAccess::has_node(x); }

inline std::string_view bytes_of(const object& x) {
  if (ObjectAccess::kind(x) == Kind::bytearray) return ObjectAccess::node_as<BytearrayNode>(x).content;
  return ObjectAccess::text(x);
}

inline bool fits_int64(double whole) { return whole >= -0x1p63 && whole < 0x1p63; }

/// Exact, as in Python: 2**53 + 1 is not equal to float(2**53 + 1).
inline bool equal_numbers(const object& a, const object& b) {
  using Access = ObjectAccess;
  const bool a_real = Access::kind(a) == Kind::real, b_real = Access::kind(b) == Kind::real;
  if (a_real && b_real) return Access::real(a) == Access::real(b);
  if (b_real) return equal_numbers(b, a);
  if (a_real) {
    const double x = Access::real(a);
    if (!is_whole(x)) return false;
    if (!is_big(b)) return fits_int64(x) && static_cast<std::int64_t>(x) == Access::integer(b);
    return !fits_int64(x) && twos_of_double(x) == Access::text(b);
  }
  if (is_big(a) != is_big(b)) return false;
  return is_big(a) ? Access::text(a) == Access::text(b) : Access::integer(a) == Access::integer(b);
}

/// Python's elements are compared by identity first; so [nan] == [nan] if it is one nan.
inline bool equal_elements(const object& a, const object& b, int depth);

/// Element by element, as numbers, whatever their types.
bool equal_arrays(const object& a, const object& b);

inline bool equal_tables(Table& a, Table& b, bool with_values, int depth) {
  if (a.size() != b.size()) return false;
  return std::all_of(a.entries().begin(), a.entries().end(), [&](const Table::Entry& entry) {
    if (!entry.live()) return true;
    const auto* other = b.find(entry.key);
    return other != nullptr && (!with_values || equal_elements(entry.value, other->value, depth));
  });
}

inline bool equal_instances(InstanceNode& a, InstanceNode& b, int depth) {
  const auto equal = [&](const object& x, const object& y) { return equal_elements(x, y, depth); };
  return a.how == b.how && a.has_state == b.has_state && equal(a.callable, b.callable) && equal(a.args, b.args) &&
         equal(a.keywords, b.keywords) && equal(a.state, b.state) && equal(a.setter, b.setter) &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), equal) &&
         std::equal(a.pairs.begin(), a.pairs.end(), b.pairs.begin(), b.pairs.end(),
                    [&](const auto& x, const auto& y) { return equal(x.first, y.first) && equal(x.second, y.second); });
}

inline bool equal_objects(const object& a, const object& b, int depth) {
  using Access = ObjectAccess;
  if (Access::is_weak(a)) return equal_objects(object(a), b, depth);
  if (Access::is_weak(b)) return equal_objects(a, object(b), depth);
  if (depth > deepest_comparison) throw RecursionError("object ==: nested too deeply; does one hold itself?");
  const Kind kind = Access::kind(a), other = Access::kind(b);
  if (is_number(kind) && is_number(other)) return equal_numbers(a, b);
  if (is_bytes(kind) && is_bytes(other)) return bytes_of(a) == bytes_of(b);
  if (is_set(kind) && is_set(other)) {
    return equal_tables(Access::node_as<Table>(a), Access::node_as<Table>(b), false, depth + 1);
  }
  if (kind != other) return false;
  spend_step();
  switch (kind) {
    case Kind::none: return true;
    case Kind::str: return Access::text(a) == Access::text(b);
    case Kind::tuple:
    case Kind::slice:
    case Kind::global: {
      const auto x = Access::node_as<TupleNode>(a).items(), y = Access::node_as<TupleNode>(b).items();
      return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                        [&](const object& p, const object& q) { return equal_elements(p, q, depth + 1); });
    }
    case Kind::list: {
      const auto &x = Access::node_as<ListNode>(a).items, &y = Access::node_as<ListNode>(b).items;
      return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                        [&](const object& p, const object& q) { return equal_elements(p, q, depth + 1); });
    }
    case Kind::dict: return equal_tables(Access::node_as<Table>(a), Access::node_as<Table>(b), true, depth + 1);
    case Kind::array: return equal_arrays(a, b);
    default: return equal_instances(Access::node_as<InstanceNode>(a), Access::node_as<InstanceNode>(b), depth + 1);
  }
}

inline bool equal_elements(const object& a, const object& b, int depth) {
  if (ObjectAccess::has_node(a) && ObjectAccess::has_node(b) && ObjectAccess::node(a) == ObjectAccess::node(b))
    return true;
  return equal_objects(a, b, depth);
}

inline bool same_key(const object& a, const object& b) { return equal_elements(a, b, 0); }

inline bool has_instance(const object& key) {
  const Kind kind = ObjectAccess::kind(key);
  if (kind == Kind::instance) return true;
  if (kind == Kind::frozenset) {
    const auto& entries = ObjectAccess::node_as<Table>(key).entries();
    return std::any_of(entries.begin(), entries.end(), [](const auto& entry) { return has_instance(entry.key); });
  }
  if (kind != Kind::tuple) return false;
  const auto items = ObjectAccess::node_as<TupleNode>(key).items();
  return std::any_of(items.begin(), items.end(), has_instance);
}

/// Both halves of the product: each bit of the input reaches each bit of the output.
inline std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  const unsigned_wide product = unsigned_wide{a ^ 0x9e3779b97f4a7c15} * (b ^ 0xd1b54a32d192ed03);
  return static_cast<std::uint64_t>(product >> 64) ^ static_cast<std::uint64_t>(product);
}

inline std::uint64_t hash_text(std::string_view text, std::uint64_t seed) {
  std::uint64_t hash = seed ^ text.size();
  const auto word = [&](std::size_t at, std::size_t size) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data() + at, size);
    return bytes;
  };
  std::size_t at = 0;
  for (; at + 16 <= text.size(); at += 16) hash = mixed(word(at, 8) ^ seed, word(at + 8, 8) ^ hash);
  if (at + 8 <= text.size()) {
    hash = mixed(word(at, 8), hash);
    at += 8;
  }
  return mixed(at < text.size() ? word(at, text.size() - at) : 0, hash);
}

inline std::uint64_t hash_number(const object& x, std::uint64_t seed) {
  const auto small = [&](std::int64_t value) { return mixed(static_cast<std::uint64_t>(value), seed); };
  if (is_big(x)) return hash_text(ObjectAccess::text(x), seed);
  if (ObjectAccess::kind(x) != Kind::real) return small(ObjectAccess::integer(x));
  const double value = ObjectAccess::real(x);
  if (is_nan(value)) return mixed(reinterpret_cast<std::uintptr_t>(ObjectAccess::node(x)), seed);
  if (!is_whole(value)) return mixed(std::bit_cast<std::uint64_t>(value), ~seed);
  return fits_int64(value) ? small(static_cast<std::int64_t>(value)) : hash_text(twos_of_double(value), seed);
}

/// How far a hash looks. Keys are looked at as a whole. An instance may hold itself, or much: of it only the first few
/// levels count, and what is not looked at makes the hash weaker, not wrong.
struct HashReach {
  int levels = deepest_comparison;
  bool frozen = true;  // false in an instance, where everything has a hash

  static constexpr std::size_t most_items = 16;
};

inline std::uint64_t hash_object(const object& x, std::uint64_t seed, HashReach reach);

/// In order, each weighed by its place.
template <class Items>
std::uint64_t hash_items(const Items& items, std::uint64_t seed, HashReach reach) {
  std::uint64_t hash = mixed(items.size(), seed);
  const std::size_t looked_at = reach.frozen ? items.size() : std::min(items.size(), HashReach::most_items);
  for (std::size_t i = 0; i < looked_at; ++i) hash = mixed(hash_object(items[i], seed, reach), hash);
  return hash;
}

/// In any order: of a set or dict, whose order means nothing.
inline std::uint64_t hash_table(Table& table, std::uint64_t seed, HashReach reach) {
  std::uint64_t hash = mixed(table.size(), seed);
  if (!reach.frozen && table.size() > HashReach::most_items) return hash;
  for (const auto& entry : table.entries()) {
    if (entry.live()) hash += mixed(hash_object(entry.key, seed, reach), hash_object(entry.value, seed, reach));
  }
  return hash;
}

inline std::uint64_t hash_container(const object& x, std::uint64_t seed, HashReach reach) {
  using Access = ObjectAccess;
  const Kind kind = Access::kind(x);
  spend_step();
  if (reach.levels-- == 0) {
    if (reach.frozen) throw RecursionError("hash: the key is nested too deeply");
    return seed;
  }
  switch (kind) {
    case Kind::tuple:
    case Kind::global: return hash_items(Access::node_as<TupleNode>(x).items(), seed, reach);
    case Kind::frozenset: return hash_table(Access::node_as<Table>(x), seed, reach);
    case Kind::instance: {
      constexpr int levels_in_instance = 4;
      reach = {std::min(reach.levels, levels_in_instance), false};
      const auto& instance = Access::node_as<InstanceNode>(x);
      const auto part = [&](const object& item) { return hash_object(item, seed, reach); };
      return mixed(mixed(part(instance.callable), part(instance.args)), part(instance.state));
    }
    default: break;
  }
  if (reach.frozen) {
    throw TypeError("unhashable type: '" + x.type_name() +
                    "': only what cannot change may be a dict's key or lie in a set");
  }
  if (kind == Kind::list) return hash_items(Access::node_as<ListNode>(x).items, seed, reach);
  if (kind == Kind::dict || kind == Kind::set) return hash_table(Access::node_as<Table>(x), seed, reach);
  return seed;
}

inline std::uint64_t hash_object(const object& x, std::uint64_t seed, HashReach reach) {
  if (ObjectAccess::is_weak(x)) return hash_object(object(x), seed, reach);
  const Kind kind = ObjectAccess::kind(x);
  if (is_number(kind)) return hash_number(x, seed);
  if (kind == Kind::str || kind == Kind::bytes) return hash_text(ObjectAccess::text(x), seed);
  return kind == Kind::none ? mixed(1, seed) : hash_container(x, seed, reach);
}

inline std::uint64_t hash_object(const object& key, std::uint64_t seed) { return hash_object(key, seed, HashReach()); }

}  // namespace multiprocessing::detail

namespace multiprocessing {

inline bool object::equals(const object& other) const { return detail::equal_objects(*this, other, 0); }

inline bool object::is(const object& other) const noexcept {
  if (form_ == weak) return object(*this).is(other);
  if (other.form_ == weak) return is(object(other));
  if (has_node() != other.has_node()) return false;
  if (!has_node()) return kind_ == other.kind_ && detail::equal_objects(*this, other, 0);
  return node_ == other.node_ ||
         (kind_ == other.kind_ && kind_ <= detail::Kind::bytes && detail::equal_objects(*this, other, 0));
}

}  // namespace multiprocessing

inline std::size_t std::hash<multiprocessing::object>::operator()(const multiprocessing::object& x) const {
  return multiprocessing::detail::hash_object(x, 0);
}
