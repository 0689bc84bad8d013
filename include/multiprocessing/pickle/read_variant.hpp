// SPDX-License-Identifier: BSL-1.0
/// \file
/// Reading variants: which alternative a value is.
#pragma once

#include <multiprocessing/pickle/errors.hpp>
#include <multiprocessing/pickle/kinds.hpp>
#include <multiprocessing/pickle/read_class.hpp>
#include <multiprocessing/pickle/view.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace multiprocessing::detail {

/// How well a value fits a type, as far as can be seen without going into it.
enum class Fit { none, loose, exact };

inline Fit exact_if(bool exact, bool loose = false) { return exact ? Fit::exact : loose ? Fit::loose : Fit::none; }

template <class T, class View>
Fit number_fit(const View& view) {
  const Kind kind = view.kind();
  if constexpr (std::floating_point<T>) {
    return exact_if(kind == Kind::real, kind == Kind::integer);
  } else if (kind != Kind::integer) {
    return exact_if(false, kind == Kind::boolean);
  } else if (view.is_big()) {
    return exact_if(std::same_as<T, std::uint64_t> && view.text().size() <= 9 && !is_negative(view.text()));
  } else {
    return exact_if(std::in_range<T>(view.integer()));
  }
}

template <class T, class View>
Fit fit(const View& view);

template <class View, class... Alternatives>
Fit best_fit(const View& view, const std::variant<Alternatives...>*) {
  return std::max({Fit::none, fit<Alternatives>(view)...});
}

template <class T, class View>
Fit fit(const View& view) {
  const Kind kind = view.kind();
  const bool sequence = kind == Kind::list || kind == Kind::tuple || is_set(kind);
  if constexpr (std::same_as<T, object>) {
    return Fit::loose;
  } else if constexpr (std::derived_from<T, object>) {
    return exact_if(kind == kind_of_class<T>);
  } else if constexpr (sent_reduced<T>) {
    return exact_if(kind == Kind::instance);
  } else if constexpr (sends_itself<T>) {
    return exact_if(kind == Kind::tuple);
  } else if constexpr (described_class<T>) {
    return exact_if(kind == Kind::dict || kind == Kind::instance);
  } else if constexpr (none_type<T>) {
    return exact_if(kind == Kind::none);
  } else if constexpr (std::same_as<T, bool>) {
    return exact_if(kind == Kind::boolean);
  } else if constexpr (character<T>) {
    return exact_if(false, kind == Kind::str);
  } else if constexpr (std::is_arithmetic_v<T>) {
    return number_fit<T>(view);
  } else if constexpr (std::is_enum_v<T>) {
    return exact_if(kind == Kind::instance, kind == Kind::integer);
  } else if constexpr (string_class<T>) {
    return exact_if(kind == Kind::str, is_bytes(kind));
  } else if constexpr (path_class<T>) {
    return exact_if(kind == Kind::instance, kind == Kind::str);
  } else if constexpr (complex_number<T> || chrono_duration<T> || chrono_time_point<T>) {
    return exact_if(kind == Kind::instance);
  } else if constexpr (optional_class<T>) {
    return kind == Kind::none ? Fit::exact : fit<typename T::value_type>(view);
  } else if constexpr (variant_class<T>) {
    return best_fit(view, static_cast<const T*>(nullptr));
  } else if constexpr (smart_pointer<T>) {
    return kind == Kind::none ? Fit::exact : fit<std::remove_cv_t<typename T::element_type>>(view);
  } else if constexpr (map_class<T>) {
    return exact_if(kind == Kind::dict, kind == Kind::instance || (multi_map<T> && sequence));
  } else if constexpr (octet_range<T>) {
    return exact_if(is_bytes(kind));
  } else if constexpr (number_range<T>) {
    return exact_if(
        kind == Kind::array && is_plain_block<std::ranges::range_value_t<T>>({view.typecode(), view.swapped(), {}}),
        kind == Kind::array || sequence || is_bytes(kind) || kind == Kind::instance);
  } else if constexpr (set_class<T>) {
    return exact_if(is_set(kind), sequence);
  } else if constexpr (readable_range<T> || valarray_class<T>) {
    return exact_if(kind == Kind::list, sequence || kind == Kind::array || kind == Kind::instance);
  } else {
    return exact_if(kind == Kind::tuple, sequence || kind == Kind::instance);
  }
}

template <class T, std::size_t At, class View>
bool read_alternative(const View& view, Fit wanted, std::optional<T>& made) {
  using Alternative = std::variant_alternative_t<At, T>;
  if (fit<Alternative>(view) != wanted) return false;
  try {
    view.spend_values(1);
    made.emplace(std::in_place_index<At>, read<Alternative>(view));
    return true;
  } catch (const UnpicklingError&) {
    return false;
  } catch (const TypeError&) {
    return false;
  } catch (const ValueError&) {
    return false;
  }
}

/// The first alternative that is sent just as this value was; else the first one that can be made of it.
template <class T, class View>
T read_variant(const View& view) {
  std::optional<T> made;
  for (const Fit wanted : {Fit::exact, Fit::loose}) {
    const bool found = [&]<std::size_t... I>(std::index_sequence<I...>) {
      return (read_alternative<T, I>(view, wanted, made) || ...);
    }
    (std::make_index_sequence<std::variant_size_v<T>>());
    if (found) return *std::move(made);
  }
  view.refuse("one of the variant's " + std::to_string(std::variant_size_v<T>) + " types");
}

}  // namespace multiprocessing::detail
