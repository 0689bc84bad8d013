// SPDX-License-Identifier: BSL-1.0
/// \file
/// Reading numbers, and arrays of them.
#pragma once

#include <multiprocessing/object/array_items.hpp>
#include <multiprocessing/object/big_integer.hpp>
#include <multiprocessing/pickle/view.hpp>

#include <multiprocessing/detail/core/floating.hpp>

#include <algorithm>
#include <array>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace multiprocessing::detail {

/// `from` as a `T`, if it has that value. A float becomes no integer; an integer, and a float of more bits, becomes the
/// nearest float, if that is finite.
template <class T, class From, class View>
T number_from(const View& view, From from) {
  if constexpr (std::integral<T> && std::floating_point<From>) {
    view.refuse("an int");
  } else if constexpr (std::integral<T>) {
    if (!std::in_range<T>(from)) {
      view.refuse_value(std::to_string(from) + " does not fit an integer of " + std::to_string(sizeof(T) * 8) +
                        " bits" + (std::is_signed_v<T> ? "" : " without sign"));
    }
    return static_cast<T>(from);
  } else {
    const T value = static_cast<T>(from);
    if constexpr (std::floating_point<From> && sizeof(From) > sizeof(T)) {
      if (is_infinite(value) && !is_infinite(from))
        view.refuse_value("a float does not fit one of " + std::to_string(sizeof(T) * 8) + " bits");
    }
    return value;
  }
}

template <class T, class View>
T big_number_from(const View& view) {
  const auto twos = view.text();
  if constexpr (std::floating_point<T>) {
    const double nearest = big_to_double(twos);
    if (is_infinite(nearest))
      view.refuse_value("an int of " + std::to_string(twos.size()) + " bytes does not fit a float");
    return number_from<T>(view, nearest);
  } else {
    if (twos.size() <= 9) {
      const wide_integer wide = wide_of(twos);
      if (wide >= 0 && wide >> 64 == 0) return number_from<T>(view, static_cast<std::uint64_t>(wide));
    }
    view.refuse_value("an int of " + std::to_string(twos.size()) + " bytes does not fit one of " +
                      std::to_string(sizeof(T)));
  }
}

/// Numbers side by side, wherever they come from.
struct NumberBlock {
  char typecode;
  bool swapped;
  std::string_view content;

  std::size_t size() const { return content.size() / item_size(typecode); }
};

template <class T>
T load_number(const char* at, bool swapped) {
  std::array<char, sizeof(T)> bytes;
  std::memcpy(bytes.data(), at, sizeof(T));
  if (swapped) std::reverse(bytes.begin(), bytes.end());
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

/// Whether the view is an instance that `module.name` makes; a module may have moved below `module`.
template <class View>
bool is_made_by(const View& view, std::string_view module, std::string_view name) {
  if (view.kind() != Kind::instance || view.callable().kind() != Kind::global) return false;
  const auto callable = view.callable();
  return callable.name() == name && callable.module().starts_with(module);
}

/// The type of NumPy's elements: numpy.dtype('f8', ...) with a state that begins (3, '<', ...).
template <class View>
std::optional<NumberBlock> numpy_type(const View& dtype) {
  if (!is_made_by(dtype, "numpy", "dtype") || dtype.args().size() == 0 || dtype.args().item(0).kind() != Kind::str) {
    return std::nullopt;
  }
  constexpr std::pair<std::string_view, char> types[] = {{"i1", 'b'}, {"u1", 'B'}, {"i2", 'h'}, {"u2", 'H'},
                                                         {"i4", 'i'}, {"u4", 'I'}, {"i8", 'q'}, {"u8", 'Q'},
                                                         {"f4", 'f'}, {"f8", 'd'}};
  const auto name = dtype.args().item(0).text();
  const auto* found =
      std::find_if(std::begin(types), std::end(types), [&](const auto& type) { return type.first == name; });
  if (found == std::end(types)) return std::nullopt;
  bool swapped = false;
  if (dtype.state().kind() == Kind::tuple && dtype.state().size() > 1 && dtype.state().item(1).kind() == Kind::str) {
    swapped = dtype.state().item(1).text() == ">";
  }
  return NumberBlock{found->second, swapped, {}};
}

/// The content of a one-dimensional array of NumPy's: `_reconstruct(...)` with a state (version, shape, dtype, order,
/// bytes), or `_frombuffer(bytes, dtype, shape, order)`, of protocol 5.
template <class View>
std::optional<NumberBlock> numpy_block(const View& view) {
  const auto block_of = [](const View& shape, const View& dtype, const View& content) -> std::optional<NumberBlock> {
    if (shape.kind() == Kind::tuple && shape.size() != 1)
      shape.refuse_value("a NumPy array of " + std::to_string(shape.size()) + " dimensions where one is wanted: send its ravel(), and its shape beside it");
    auto block = numpy_type(dtype);
    if (!block || shape.kind() != Kind::tuple || shape.item(0).kind() != Kind::integer) return std::nullopt;
    if (!is_bytes(content.kind())) return std::nullopt;
    block->content = content.text();
    const std::size_t size = item_size(block->typecode);
    const bool whole = block->content.size() % size == 0 && !shape.item(0).is_big() &&
                       std::cmp_equal(shape.item(0).integer(), block->content.size() / size);
    return whole ? block : std::nullopt;
  };
  if (is_made_by(view, "numpy", "_reconstruct")) {
    const View state = view.state();
    if (state.kind() == Kind::tuple && state.size() == 5) return block_of(state.item(1), state.item(2), state.item(4));
  } else if (is_made_by(view, "numpy", "_frombuffer")) {
    const View args = view.args();
    if (args.size() == 4) return block_of(args.item(2), args.item(1), args.item(0));
  }
  return std::nullopt;
}

/// The numbers of an array, of bytes (which then are elements of type `T`), or of a one-dimensional NumPy array.
template <class T, class View>
std::optional<NumberBlock> number_block(const View& view) {
  if (view.kind() == Kind::array) return NumberBlock{view.typecode(), view.swapped(), view.text()};
  if (view.kind() == Kind::instance) return numpy_block(view);
  if (!is_bytes(view.kind())) return std::nullopt;
  if (view.text().size() % sizeof(T) != 0) {
    view.refuse_value(std::to_string(view.text().size()) + " bytes are no whole number of elements of " +
                      std::to_string(sizeof(T)));
  }
  return NumberBlock{typecode_of<T>(), false, view.text()};
}

template <class T>
bool is_plain_block(const NumberBlock& block) {
  return plain_typecode(block.typecode) == typecode_of<T>() && !block.swapped;
}

/// Goes over numbers that need not be aligned, so that a vector can be made of them without being filled with zeros
/// first.
template <class T>
class LoadIterator {
 public:
  using iterator_category = std::random_access_iterator_tag;
  using value_type = T;
  using difference_type = std::ptrdiff_t;
  using reference = T;
  using pointer = void;

  LoadIterator() = default;
  explicit LoadIterator(const char* at) : at_(at) {}

  T operator*() const {
    T value;
    std::memcpy(&value, at_, sizeof value);
    return value;
  }
  LoadIterator& operator++() { return *this += 1; }
  LoadIterator operator++(int) {
    auto before = *this;
    ++*this;
    return before;
  }
  LoadIterator& operator--() { return *this += -1; }
  LoadIterator& operator+=(difference_type count) {
    at_ += count * static_cast<difference_type>(sizeof(T));
    return *this;
  }
  friend LoadIterator operator+(LoadIterator a, difference_type count) { return a += count; }
  friend difference_type operator-(LoadIterator a, LoadIterator b) {
    return (a.at_ - b.at_) / static_cast<difference_type>(sizeof(T));
  }
  friend auto operator<=>(const LoadIterator&, const LoadIterator&) = default;

 private:
  const char* at_ = nullptr;
};

/// Calls `use` with each number as a `T`. They are not of type T already, or the wrong way round.
template <class T, class View, class Use>
void each_converted(const View& view, const NumberBlock& block, Use use) {
  with_item_type(block.typecode, [&]<class... From>(From...) {
    [[maybe_unused]] const auto convert = [&]<class Given>(Given) {
      for (std::size_t at = 0; at < block.content.size(); at += sizeof(Given)) {
        use(number_from<T>(view, load_number<Given>(block.content.data() + at, block.swapped)));
      }
    };
    (convert(From{}), ...);
  });
}

/// A number: an int or bool for an integer type, also a float for a floating one; or a scalar of NumPy's.
template <class T, class View>
T read_number(const View& view) {
  switch (view.kind()) {
    case Kind::real: return number_from<T>(view, view.real());
    case Kind::boolean:
    case Kind::integer: return view.is_big() ? big_number_from<T>(view) : number_from<T>(view, view.integer());
    case Kind::instance:
      if (is_made_by(view, "numpy", "scalar") && view.args().size() == 2 && is_bytes(view.args().item(1).kind())) {
        auto block = numpy_type(view.args().item(0));
        if (block && view.args().item(1).text().size() == item_size(block->typecode)) {
          block->content = view.args().item(1).text();
          T value{};
          each_converted<T>(view, *block, [&](T number) { value = number; });
          return value;
        }
      }
      [[fallthrough]];
    default: view.refuse(std::integral<T> ? "an int" : "a float");
  }
}

}  // namespace multiprocessing::detail
