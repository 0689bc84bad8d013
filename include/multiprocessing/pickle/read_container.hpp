// SPDX-License-Identifier: BSL-1.0
/// \file
/// Reading containers.
#pragma once

#include <multiprocessing/pickle/kinds.hpp>
#include <multiprocessing/pickle/read_number.hpp>
#include <multiprocessing/pickle/view.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

template <class T, class View>
T read(const View& view);

/// The elements of a list, tuple, set or array, of a collections.deque, or of what derives from list.
template <class Element, class View, class Use>
void each_element(const View& view, Use use) {
  switch (view.kind()) {
    case Kind::list:
    case Kind::tuple:
    case Kind::set:
    case Kind::frozenset: {
      const Level level = view.descend();
      view.spend_values(view.size());
      view.each([&](const View& item) { use(read<Element>(item)); });
      return;
    }
    case Kind::instance:
      if (is_made_by(view, "collections", "deque") || view.size() != 0) {
        const Level level = view.descend();
        if (view.args().size() != 0 && view.args().item(0).kind() == Kind::list)
          each_element<Element>(view.args().item(0), use);
        view.spend_values(view.size());
        view.each([&](const View& item) { use(read<Element>(item)); });
        return;
      }
      [[fallthrough]];
    case Kind::array:
      if constexpr (array_number<Element>) {
        if (const auto block = number_block<Element>(view)) {
          view.spend_values(block->size());
          each_converted<Element>(view, *block, use);
          return;
        }
      }
      [[fallthrough]];
    default: view.refuse("a list");
  }
}

/// How many elements are coming, as far as that is known: nothing is reserved that is not there.
template <class View>
std::size_t expected_size(const View& view) {
  return view.kind() == Kind::list || view.kind() == Kind::tuple || is_set(view.kind()) ? view.size() : 0;
}

template <class T, class View>
T read_sequence(const View& view) {
  using Element = std::remove_cv_t<typename T::value_type>;
  T made;
  if constexpr (requires { made.reserve(std::size_t{}); }) made.reserve(expected_size(view));
  if constexpr (requires(Element e) { made.push_back(std::move(e)); }) {
    each_element<Element>(view, [&](Element element) { made.push_back(std::move(element)); });
  } else if constexpr (requires(Element e) { made.insert(std::move(e)); }) {
    each_element<Element>(view, [&](Element element) { made.insert(std::move(element)); });
  } else if constexpr (requires(Element e) { made.insert_after(made.before_begin(), std::move(e)); }) {
    auto at = made.before_begin();
    each_element<Element>(view, [&](Element element) { at = made.insert_after(at, std::move(element)); });
  } else {
    static_assert(always_false<T>, "loads: T is a range to which nothing can be added; read a std::vector");
  }
  return made;
}

/// Numbers or bytes side by side: in one piece where they are so in the message as well.
template <class T, class View>
T read_block(const View& view) {
  using Element = std::remove_cv_t<typename T::value_type>;
  if constexpr (octet_range<T>) {
    if (!is_bytes(view.kind())) view.refuse("bytes");
    view.spend_bytes(view.text().size());
    const auto* const first = reinterpret_cast<const Element*>(view.text().data());
    return T(first, first + view.text().size());
  } else {
    const bool may_be_block = view.kind() == Kind::array || is_bytes(view.kind()) || view.kind() == Kind::instance;
    const auto block = may_be_block ? number_block<Element>(view) : std::optional<NumberBlock>();
    if (!block) return read_sequence<T>(view);
    view.spend_bytes(block->size() * sizeof(Element));
    const char* const first = block->content.data();
    if (is_plain_block<Element>(*block)) {
      if (reinterpret_cast<std::uintptr_t>(first) % alignof(Element) == 0) {
        const auto* const numbers = reinterpret_cast<const Element*>(first);
        return T(numbers, numbers + block->size());
      }
      return T(LoadIterator<Element>(first), LoadIterator<Element>(first + block->content.size()));
    }
    T made;
    if constexpr (requires { made.reserve(std::size_t{}); }) made.reserve(block->size());
    each_converted<Element>(view, *block, [&](Element number) { made.push_back(number); });
    return made;
  }
}

/// Exactly as many elements as `T`, a std::array, has.
template <class T, class View>
T read_fixed(const View& view) {
  using Element = typename T::value_type;
  constexpr std::size_t size = std::tuple_size_v<T>;
  const auto check = [&](std::size_t given) {
    if (given != size) {
      view.refuse_value("a std::array of " + std::to_string(size) + " elements is wanted, not " +
                        std::to_string(given));
    }
  };
  using Flexible = std::conditional_t<std::same_as<Element, bool>, std::vector<char>, std::vector<Element>>;
  if constexpr (number_range<T> || octet_range<T>) {
    const auto elements = read_block<Flexible>(view);
    check(elements.size());
    T made;
    std::copy(elements.begin(), elements.end(), made.begin());
    return made;
  } else {
    Flexible elements;
    each_element<Element>(view, [&](Element element) { elements.push_back(std::move(element)); });
    check(elements.size());
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return T{{static_cast<Element>(std::move(elements[I]))...}};
    }
    (std::make_index_sequence<size>());
  }
}

template <class T, class View>
T read_valarray(const View& view) {
  using Element = typename T::value_type;
  std::vector<Element> elements;
  if constexpr (array_number<Element>) {
    elements = read_block<std::vector<Element>>(view);
  } else {
    elements = read_sequence<std::vector<Element>>(view);
  }
  return T(elements.data(), elements.size());
}

/// The keys and values of a dict, or of what derives from it: collections.OrderedDict, defaultdict, Counter.
template <class View, class Use>
void each_pair_of(const View& view, Use use) {
  const bool counter = is_made_by(view, "collections", "Counter") && view.args().size() == 1;
  if (counter && view.args().item(0).kind() == Kind::dict) return each_pair_of(view.args().item(0), use);
  const bool derived =
      view.kind() == Kind::instance && (view.pair_count() != 0 || is_made_by(view, "collections", "OrderedDict") ||
                                        is_made_by(view, "collections", "defaultdict"));
  if (view.kind() != Kind::dict && !derived) view.refuse("a dict");
  const Level level = view.descend();
  view.spend_values(view.pair_count());
  view.each_pair(use);
}

template <class T, class View>
T read_map(const View& view) {
  using Key = typename T::key_type;
  using Mapped = typename T::mapped_type;
  T made;
  if constexpr (multi_map<T>) {
    // A list of pairs: a dict could not hold a key twice.
    each_element<std::pair<Key, Mapped>>(view, [&](std::pair<Key, Mapped> pair) { made.insert(std::move(pair)); });
  } else {
    if constexpr (requires { made.reserve(std::size_t{}); }) {
      if (view.kind() == Kind::dict) made.reserve(view.pair_count());
    }
    each_pair_of(view, [&](const View& key, const View& value) {
      // Of a key that comes twice the last value counts, as in Python. Most maps come in order, so the end is the best
      // hint.
      Key made_key = read<Key>(key);
      if constexpr (requires { made.insert_or_assign(made.end(), std::move(made_key), read<Mapped>(value)); }) {
        made.insert_or_assign(made.end(), std::move(made_key), read<Mapped>(value));
      } else {
        made.insert_or_assign(std::move(made_key), read<Mapped>(value));
      }
    });
  }
  return made;
}

}  // namespace multiprocessing::detail
