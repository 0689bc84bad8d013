// SPDX-License-Identifier: BSL-1.0
/// \file
/// Writing containers.
#pragma once

#include <multiprocessing/object/array_items.hpp>
#include <multiprocessing/pickle/kinds.hpp>
#include <multiprocessing/pickle/writer.hpp>

#include <cstddef>
#include <ranges>
#include <string_view>
#include <type_traits>
#include <utility>

namespace multiprocessing::detail {

template <class T>
void write(Writer& writer, const T& x);

/// Written as a key, of which a part may not change once it is in a dict.
template <class T>
void write_key(Writer& writer, const T& key) {
  const bool outer = writer.in_key(true);
  write(writer, key);
  writer.in_key(outer);
}

/// A list; in a key a tuple. std::vector<bool> has elements only on demand.
template <class Range>
void write_sequence(Writer& writer, const Range& range) {
  using Element = std::ranges::range_value_t<const Range>;
  const auto write_element = [&](const auto& element) {
    if constexpr (std::same_as<Element, bool>) {
      writer.boolean(static_cast<bool>(element));
    } else {
      write(writer, element);
    }
  };
  const WriterLevel level(writer);
  if (writer.in_key()) {
    writer.code(opcode::MARK);
    for (const auto& element : range) write_element(element);
    writer.code(opcode::TUPLE);
    return;
  }
  writer.code(opcode::EMPTY_LIST);
  Batches batches(writer, opcode::APPENDS);
  for (const auto& element : range) {
    batches.next();
    write_element(element);
  }
  batches.finish();
}

/// An array.array; in a key a tuple, and for protocol 2, which has no bytes, one made of a list.
template <class Number>
void write_numbers(Writer& writer, const Number* first, std::size_t size) {
  constexpr char typecode = typecode_of<Number>();
  if (!writer.in_key() && writer.protocol() >= 3) {
    return writer.array(typecode, {reinterpret_cast<const char*>(first), size * sizeof(Number)});
  }
  const bool bare = writer.in_key();
  if (!bare) {
    writer.global("array", "array");
    writer.wire_text({&typecode, 1});
  }
  const bool outer = writer.in_key(bare);
  const WriterLevel level(writer);
  if (bare) {
    writer.code(opcode::MARK);
    for (std::size_t i = 0; i < size; ++i) write(writer, first[i]);
    writer.code(opcode::TUPLE);
  } else {
    writer.code(opcode::EMPTY_LIST);
    Batches batches(writer, opcode::APPENDS);
    for (std::size_t i = 0; i < size; ++i) {
      batches.next();
      write(writer, first[i]);
    }
    batches.finish();
    writer.code(opcode::TUPLE2);
    writer.code(opcode::REDUCE);
  }
  writer.in_key(outer);
}

template <class T>
void write_valarray(Writer& writer, const T& x) {
  using Element = std::remove_cvref_t<decltype(x[0])>;
  if constexpr (array_number<Element>) {
    write_numbers(writer, x.size() == 0 ? nullptr : &x[0], x.size());
  } else {
    write_sequence(writer, std::ranges::subrange(std::begin(x), std::end(x)));
  }
}

/// A dict. A map that may hold a key twice is a list of pairs; in a key there is no way.
template <class Map>
void write_map(Writer& writer, const Map& map) {
  const WriterLevel level(writer);
  if constexpr (multi_map<Map>) {
    writer.code(opcode::EMPTY_LIST);
    Batches batches(writer, opcode::APPENDS);
    for (const auto& [key, value] : map) {
      batches.next();
      write(writer, key);
      write(writer, value);
      writer.code(opcode::TUPLE2);
    }
    batches.finish();
  } else {
    if (writer.in_key()) throw PicklingError("dumps: a map lies in a key, where Python allows no dict");
    writer.code(opcode::EMPTY_DICT);
    Batches batches(writer, opcode::SETITEMS);
    for (const auto& [key, value] : map) {
      batches.next();
      write_key(writer, key);
      write(writer, value);
    }
    batches.finish();
  }
}

/// A set; in a key or another set a frozenset. One that may hold an element twice is a list.
template <class Set>
void write_set(Writer& writer, const Set& set) {
  if constexpr (requires(Set & x, typename Set::key_type key) { x.insert(std::move(key)).second; }) {
    const WriterLevel level(writer);
    const bool frozen = writer.in_key();
    if (writer.protocol() < 4) {
      writer.global("builtins", frozen ? "frozenset" : "set");
      writer.code(opcode::EMPTY_LIST);
    } else {
      if (!frozen) writer.code(opcode::EMPTY_SET);
    }
    writer.code(opcode::MARK);
    for (const auto& element : set) write_key(writer, element);
    if (writer.protocol() < 4) {
      writer.code(opcode::APPENDS);
      writer.code(opcode::TUPLE1);
      writer.code(opcode::REDUCE);
    } else {
      writer.code(frozen ? opcode::FROZENSET : opcode::ADDITEMS);
    }
  } else {
    write_sequence(writer, set);
  }
}

}  // namespace multiprocessing::detail
