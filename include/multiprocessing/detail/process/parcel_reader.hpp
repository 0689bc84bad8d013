// SPDX-License-Identifier: BSL-1.0
/// \file
/// ParcelReader: reads what a ParcelWriter wrote.
#pragma once

#include <multiprocessing/detail/process/carriable.hpp>
#include <multiprocessing/detail/process/code_name.hpp>
#include <multiprocessing/detail/process/parcel_form.hpp>
#include <multiprocessing/detail/process/text.hpp>
#include <multiprocessing/object/declared.hpp>
#include <multiprocessing/pickle/errors.hpp>
#include <multiprocessing/pickle/kinds.hpp>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace multiprocessing::detail {

/// Reads what a ParcelWriter wrote, with the same fields. Throws UnpicklingError when it was cut short.
class ParcelReader {
 public:
  static constexpr bool loading = true;

  explicit ParcelReader(std::string_view bytes) : bytes_(bytes) {}

  /// Of what finish() returned.
  static ParcelReader of_finished(std::string_view bytes) {
    std::uint64_t size = 0;
    if (bytes.size() < sizeof size) throw UnpicklingError(cut_short, bytes.size());
    std::memcpy(&size, bytes.data() + bytes.size() - sizeof size, sizeof size);
    bytes.remove_suffix(sizeof size);
    ParcelReader reader(bytes.substr(0, size));
    reader.pickled_ = bytes.substr(reader.bytes_.size());
    return reader;
  }

  template <class... Fields>
  void operator()(Fields&... fields) {
    (get_field(fields), ...);
  }
  /// The next field.
  template <class T>
  T make();

  std::string_view rest() const { return bytes_.substr(at_); }

 private:
  static constexpr const char* cut_short = "what a new process needs was cut short";

  std::string_view take(std::size_t size) {
    if (size > bytes_.size() - at_) throw UnpicklingError(cut_short, at_);
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }
  std::size_t take_size() { return static_cast<std::size_t>(make<std::uint64_t>()); }

  template <class Field>
  void get_field(Field& field) {
    if constexpr (sends_itself<Field> && !has_blank<Field>) {
      list_fields(*this, field);
    } else {
      field = make<Field>();
    }
  }

  template <class T>
  T make_member_function();
  template <class T>
  T make_object();
  template <class T, std::size_t... I>
  T make_alternative(std::size_t index, std::index_sequence<I...>);
  template <class T>
  T make_pointer();
  template <class T>
  T make_map();
  template <class T>
  T make_array();
  template <class T>
  T make_sequence();

  std::string_view bytes_;
  std::size_t at_ = 0;
  std::vector<std::shared_ptr<void>> shared_;
  std::string_view pickled_;
  std::shared_ptr<void> objects_;
};

template <class T>
T ParcelReader::make() {
  if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
    T number;
    std::memcpy(&number, take(sizeof number).data(), sizeof number);
    return number;
  } else if constexpr (std::same_as<T, Text>) {
    Text text("");
    text.value = make<std::string>();
    return text;
  } else if constexpr (function_pointer<T>) {
    const auto name = make<CodeName>();
    return name.build_id.empty() ? nullptr : reinterpret_cast<T>(name.find());
  } else if constexpr (std::is_member_function_pointer_v<T>) {
    return make_member_function<T>();
  } else if constexpr (std::is_member_object_pointer_v<T>) {
    return std::bit_cast<T>(make<std::intptr_t>());
  } else if constexpr (std::derived_from<T, object>) {
    return make_object<T>();
  } else if constexpr (sent_reduced<T>) {
    return T::rebuild(make<same_for<T, object>>());
  } else if constexpr (sends_itself<T>) {
    T made = Blank<T>::make();
    list_fields(*this, made);
    return made;
  } else if constexpr (described_class<T>) {
    T made;
    each_described(made, [&](auto& member) { get_field(member); });
    return made;
  } else if constexpr (std::same_as<T, std::nullptr_t>) {
    return nullptr;
  } else if constexpr (conjurable<T>) {
    if constexpr (std::default_initializable<T>) {
      return T();
    } else {
      return std::bit_cast<T>('\0');
    }
  } else if constexpr (string_class<T>) {
    T text;
    text.resize(take_size());
    const std::size_t bytes = text.size() * sizeof(typename T::value_type);
    std::memcpy(text.data(), take(bytes).data(), bytes);
    return text;
  } else if constexpr (path_class<T>) {
    return T(make<std::string>());
  } else if constexpr (complex_number<T>) {
    const auto real = make<typename T::value_type>();
    return T(real, make<typename T::value_type>());
  } else if constexpr (chrono_duration<T>) {
    return T(make<typename T::rep>());
  } else if constexpr (chrono_time_point<T>) {
    return T(make<typename T::duration>());
  } else if constexpr (optional_class<T>) {
    if (!make<bool>()) return T();
    return T(make<std::remove_cv_t<typename T::value_type>>());
  } else if constexpr (variant_class<T>) {
    return make_alternative<T>(take_size(), std::make_index_sequence<std::variant_size_v<T>>());
  } else if constexpr (smart_pointer<T>) {
    return make_pointer<T>();
  } else if constexpr (map_class<T>) {
    return make_map<T>();
  } else if constexpr (fixed_range<T>) {
    return make_array<T>();
  } else if constexpr (valarray_class<T>) {
    const auto elements = make_sequence<std::vector<std::remove_cv_t<typename T::value_type>>>();
    T made(elements.size());
    for (std::size_t i = 0; i < elements.size(); ++i) made[i] = elements[i];
    return made;
  } else if constexpr (readable_range<T>) {
    return make_sequence<T>();
  } else if constexpr (tuple_class<T>) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return T{make<std::remove_cv_t<std::tuple_element_t<I, T>>>()...};  // braces: in their order
    }(std::make_index_sequence<std::tuple_size_v<T>>());
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return T{make<std::remove_cv_t<member_t<I, T>>>()...};
    }(std::make_index_sequence<member_count<T>>());
  }
}

template <class T>
T ParcelReader::make_member_function() {
  const auto name = make<CodeName>();
  MemberFunction parts;
  parts.adjustment = make<std::intptr_t>();
  parts.code = name.build_id.empty() ? static_cast<std::uintptr_t>(name.offset) : name.find();
  return std::bit_cast<T>(parts);
}

template <class T>
T ParcelReader::make_object() {
  using Pickle = ObjectPickle<same_for<T, object>>;
  if (objects_ == nullptr) objects_ = Pickle::load(pickled_);
  return Pickle::template get<T>(objects_, take_size());
}

template <class T, std::size_t... I>
T ParcelReader::make_alternative(std::size_t index, std::index_sequence<I...>) {
  using Make = T (*)(ParcelReader&);
  static constexpr Make makers[] = {
      [](ParcelReader& reader) { return T(std::in_place_index<I>, reader.make<std::variant_alternative_t<I, T>>()); }...};
  if (index >= sizeof...(I)) throw UnpicklingError(cut_short, at_);
  return makers[index](*this);
}

template <class T>
T ParcelReader::make_pointer() {
  using Element = std::remove_cv_t<typename T::element_type>;
  const auto tag = make<PointerTag>();
  if (tag == PointerTag::null) return T();
  if constexpr (shared_pointer<T>) {
    if (tag == PointerTag::again) return T(std::static_pointer_cast<Element>(shared_.at(take_size())));
    if (tag == PointerTag::first) {
      const std::size_t number = shared_.size();
      shared_.emplace_back();
      auto made = std::make_shared<Element>(make<Element>());
      shared_[number] = made;
      return T(std::move(made));
    }
  }
  return T(new Element(make<Element>()));
}

template <class T>
T ParcelReader::make_map() {
  T made;
  for (std::size_t left = take_size(); left > 0; --left) {
    auto key = make<typename T::key_type>();
    made.emplace_hint(made.end(), std::move(key), make<typename T::mapped_type>());
  }
  return made;
}

template <class T>
T ParcelReader::make_array() {
  using Element = typename T::value_type;
  constexpr std::size_t size = std::tuple_size_v<T>;
  if (take_size() != size) throw UnpicklingError(cut_short, at_);
  if constexpr (std::default_initializable<Element>) {
    T made;
    if constexpr (block_range<T>) {
      std::memcpy(made.data(), take(size * sizeof(Element)).data(), size * sizeof(Element));
    } else {
      for (Element& element : made) element = make<Element>();
    }
    return made;
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return T{{(static_cast<void>(I), make<Element>())...}};
    }(std::make_index_sequence<size>());
  }
}

template <class T>
T ParcelReader::make_sequence() {
  using Element = std::remove_cv_t<typename T::value_type>;
  T made;
  const std::size_t size = take_size();
  if constexpr (block_range<T> && requires { made.resize(size); }) {
    const std::string_view block = take(size * sizeof(Element));
    made.resize(size);
    if (size != 0) std::memcpy(std::ranges::data(made), block.data(), block.size());
  } else if constexpr (requires(Element e) { made.push_back(std::move(e)); }) {
    if constexpr (requires { made.reserve(size); }) made.reserve(size);
    for (std::size_t i = 0; i < size; ++i) made.push_back(make<Element>());
  } else if constexpr (requires(Element e) { made.insert(made.end(), std::move(e)); }) {
    for (std::size_t i = 0; i < size; ++i) made.insert(made.end(), make<Element>());
  } else if constexpr (requires(Element e) { made.insert(std::move(e)); }) {
    for (std::size_t i = 0; i < size; ++i) made.insert(make<Element>());
  } else {
    auto last = made.before_begin();
    for (std::size_t i = 0; i < size; ++i) last = made.insert_after(last, make<Element>());
  }
  return made;
}

}  // namespace multiprocessing::detail
