// SPDX-License-Identifier: BSL-1.0
/// \file
/// read: a C++ value of any type, from a view of what was sent.
#pragma once

#include <multiprocessing/pickle/kinds.hpp>
#include <multiprocessing/pickle/read_class.hpp>
#include <multiprocessing/pickle/read_container.hpp>
#include <multiprocessing/pickle/read_number.hpp>
#include <multiprocessing/pickle/read_time.hpp>
#include <multiprocessing/pickle/read_variant.hpp>
#include <multiprocessing/pickle/view.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace multiprocessing::detail {

template <class T, class View>
T read_character(const View& view) {
  if (view.kind() != Kind::str) view.refuse("a str of one character");
  if constexpr (sizeof(T) == 1) {
    const std::string text = from_wire(view.text());
    if (text.size() != 1) view.refuse_value("a str of " + std::to_string(text.size()) + " bytes is no single char");
    return static_cast<T>(text[0]);
  } else {
    const auto codes = codes_of(view.text());
    if (codes.size() != 1 || (sizeof(T) == 2 && codes[0] > 0xffff))
      view.refuse_value("a str that is no single character");
    return static_cast<T>(codes[0]);
  }
}

/// A str; for strings of char also bytes, as they are.
template <class T, class View>
T read_string(const View& view) {
  using Char = typename T::value_type;
  if (sizeof(Char) == 1 && is_bytes(view.kind())) {
    view.spend_bytes(view.text().size());
    return T(reinterpret_cast<const Char*>(view.text().data()), view.text().size());
  }
  if (view.kind() != Kind::str) view.refuse("a str");
  view.spend_bytes(view.text().size() * sizeof(Char));
  if constexpr (sizeof(Char) == 1) {
    const std::string_view text = view.text();
    if (text.find('\xed') == text.npos) return T(reinterpret_cast<const Char*>(text.data()), text.size());
    const std::string raw = from_wire(text);
    return T(reinterpret_cast<const Char*>(raw.data()), raw.size());
  } else {
    T text;
    for (const char32_t code : codes_of(view.text())) {
      if (sizeof(Char) == 2 && code > 0xffff) {
        text += static_cast<Char>(0xd800 + ((code - 0x10000) >> 10));
        text += static_cast<Char>(0xdc00 + ((code - 0x10000) & 0x3ff));
      } else {
        text += static_cast<Char>(code);
      }
    }
    return text;
  }
}

/// An int; or what Python sends of an enum.Enum: its class, called with the value.
template <class T, class View>
T read_enum(const View& view) {
  using Number = std::underlying_type_t<T>;
  const auto number_of = [](const View& number) {
    if constexpr (std::same_as<Number, bool>) {
      if (number.kind() != Kind::boolean) number.refuse("a bool");
      return static_cast<T>(number.integer() != 0);
    } else if constexpr (character<Number>) {
      return static_cast<T>(read_number<std::int64_t>(number));
    } else {
      return static_cast<T>(read_number<Number>(number));
    }
  };
  if (view.kind() != Kind::instance || view.args().size() != 1) return number_of(view);
  require_class<T>(view);
  return number_of(view.args().item(0));
}

/// A float or int for both parts, or Python's complex.
template <class T, class View>
T read_complex(const View& view) {
  using Part = typename T::value_type;
  if (view.kind() != Kind::instance) return T(read_number<Part>(view));
  if (!is_made_by(view, "builtins", "complex") || view.args().size() != 2) view.refuse("a complex");
  return T(read_number<Part>(view.args().item(0)), read_number<Part>(view.args().item(1)));
}

/// A str, or one of pathlib's paths, which are called with their parts.
template <class T, class View>
T read_path(const View& view) {
  if (view.kind() == Kind::str) return T(from_wire(view.text()));
  const bool is_path = is_made_by(view, "pathlib", "PosixPath") || is_made_by(view, "pathlib", "PurePosixPath");
  if (!is_path) view.refuse("a str or pathlib.PosixPath");
  T path;
  view.args().each([&](const View& part) {
    if (part.kind() != Kind::str) part.refuse("a str");
    path /= from_wire(part.text());
  });
  return path;
}

/// What the message shares is shared by the pointers, too.
template <class T, class View>
T read_pointer(const View& view) {
  using Element = std::remove_cv_t<typename T::element_type>;
  if (view.kind() == Kind::none) return T(nullptr);
  if constexpr (shared_pointer<T> && has_identity<Element>) {
    if (const void* const identity = view.identity()) {
      auto made = std::static_pointer_cast<Element>(view.pointers().find(identity, typeid(Element)));
      if (made == nullptr) {
        made = std::make_shared<Element>(read<Element>(view));
        view.pointers().add(identity, typeid(Element), made);
      }
      return T(std::move(made));
    }
  }
  return T(new Element(read<Element>(view)));
}

/// Answers by a sentence what is no value's type.
template <class T>
consteval void require_value_type() {
  static_assert(std::is_same_v<T, std::remove_cvref_t<T>> && !std::is_void_v<T>,
                "loads, recv: T is the type of the value to make, so no reference, not const, and not void; without T it is an object");
}

/// The order of the questions is that of writing: what the author of a type says comes first.
template <class T, class View>
T read(const View& view) {
  static_assert(!view_class<T>,
                "loads: T refers to memory that would be gone (string_view and span do): "
                "read a std::string, a std::vector or mp::bytes");
  if constexpr (std::same_as<T, object>) {
    return view.make_object();
  } else if constexpr (std::derived_from<T, object>) {
    return read_object_of<T>(view);
  } else if constexpr (sent_reduced<T>) {
    return read_reduced<T>(view);
  } else if constexpr (sends_itself<T>) {
    return read_by_itself<T>(view);
  } else if constexpr (described_class<T>) {
    return read_described<T>(view);
  } else if constexpr (none_type<T>) {
    if (view.kind() != Kind::none) view.refuse("None");
    return T(none_value<T>());
  } else if constexpr (std::same_as<T, bool>) {
    if (view.kind() != Kind::boolean) view.refuse("a bool");
    return view.integer() != 0;
  } else if constexpr (character<T>) {
    return read_character<T>(view);
  } else if constexpr (std::is_arithmetic_v<T>) {
    return read_number<T>(view);
  } else if constexpr (std::same_as<T, std::byte>) {
    return static_cast<std::byte>(read_number<unsigned char>(view));
  } else if constexpr (std::is_enum_v<T>) {
    return read_enum<T>(view);
  } else if constexpr (string_class<T>) {
    return read_string<T>(view);
  } else if constexpr (path_class<T>) {
    return read_path<T>(view);
  } else if constexpr (complex_number<T>) {
    return read_complex<T>(view);
  } else if constexpr (chrono_duration<T>) {
    return duration_from<T>(view, timedelta_from(view));
  } else if constexpr (chrono_time_point<T>) {
    return read_time_point<T>(view);
  } else if constexpr (optional_class<T>) {
    if (view.kind() == Kind::none) return T();
    return T(read<typename T::value_type>(view));
  } else if constexpr (variant_class<T>) {
    return read_variant<T>(view);
  } else if constexpr (smart_pointer<T>) {
    return read_pointer<T>(view);
  } else if constexpr (map_class<T>) {
    return read_map<T>(view);
  } else if constexpr (fixed_range<T>) {
    return read_fixed<T>(view);
  } else if constexpr (valarray_class<T>) {
    return read_valarray<T>(view);
  } else if constexpr (number_range<T> || octet_range<T>) {
    return read_block<T>(view);
  } else if constexpr (readable_range<T>) {
    return read_sequence<T>(view);
  } else if constexpr (tuple_class<T>) {
    return read_tuple<T>(view);
  } else if constexpr (walkable_aggregate<T>) {
    return read_aggregate<T>(view);
  } else {
    refuse_type<T>();
  }
}

}  // namespace multiprocessing::detail
