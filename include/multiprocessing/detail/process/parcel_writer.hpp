// SPDX-License-Identifier: BSL-1.0
/// \file
/// ParcelWriter: writes what a process is told by another of the same program.
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
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeindex>
#include <typeinfo>
#include <utility>
#include <variant>

namespace multiprocessing::detail {

/// Writes fields one after the other, as bytes that only the same program reads; an archive, as `serialize` gets one.
///
/// Pickle would do, but a start needs no form that others read, and everybody who makes a Process would compile it. Objects are
/// pickled: how, <multiprocessing/pickle.hpp> knows, which is needed to send one.
class ParcelWriter {
 public:
  static constexpr bool loading = false;

  template <class... Fields>
  void operator()(const Fields&... fields) {
    (put(fields), ...);
  }
  std::string_view view() const { return bytes_; }

  /// All that was written, with the objects behind it.
  std::string finish() {
    const std::uint64_t size = bytes_.size();
    if (dump_ != nullptr) bytes_ += dump_(objects_);
    bytes_.append(reinterpret_cast<const char*>(&size), sizeof size);
    return std::move(bytes_);
  }

 private:
  /// Throws PicklingError when it goes too deep.
  class Level {
   public:
    explicit Level(std::size_t& depth) : depth_(depth) {
      if (++depth_ > deepest_parcel)
        throw PicklingError("it is nested more than " + std::to_string(deepest_parcel) + " levels deep");
    }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    ~Level() { --depth_; }

   private:
    std::size_t& depth_;
  };

  struct Shared {
    std::uint64_t number;
    bool written = false;
  };

  void raw(const void* from, std::size_t size) { bytes_.append(static_cast<const char*>(from), size); }
  void put_size(std::size_t size) { put(std::uint64_t{size}); }
  void put_code(std::uintptr_t address) { put(address == 0 ? CodeName() : CodeName::of(address)); }

  template <class T>
  void put(const T& x);
  template <class T>
  void put_member_function(T member);
  template <class T>
  void put_pointer(const T& x);
  template <class T>
  void put_sequence(const T& x);

  std::string bytes_;
  std::size_t depth_ = 0;
  std::map<std::pair<const void*, std::type_index>, Shared> shared_;  // what shared pointers point to, numbered
  std::shared_ptr<void> objects_;                           // as ObjectPickle keeps them
  std::string (*dump_)(const std::shared_ptr<void>&) = nullptr;  // set where there are any
};

template <class T>
void ParcelWriter::put(const T& x) {
  const Level level(depth_);
  if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
    raw(&x, sizeof x);
  } else if constexpr (std::same_as<T, Text>) {
    put(x.value);
  } else if constexpr (function_pointer<T>) {
    put_code(reinterpret_cast<std::uintptr_t>(x));
  } else if constexpr (std::is_member_function_pointer_v<T>) {
    put_member_function(x);
  } else if constexpr (std::is_member_object_pointer_v<T>) {
    put(std::bit_cast<std::intptr_t>(x));
  } else if constexpr (std::derived_from<T, object>) {
    using Pickle = ObjectPickle<same_for<T, object>>;
    static_assert(requires { sizeof(Pickle); },
                  "Process: to send an mp::object, include <multiprocessing/pickle.hpp>");
    dump_ = &Pickle::dump;
    put_size(Pickle::add(objects_, x));
  } else if constexpr (sent_reduced<T>) {
    put(x.reduce());
  } else if constexpr (sends_itself<T>) {
    list_fields(*this, const_cast<T&>(x));  // one function for both ways cannot be const; writing changes nothing
  } else if constexpr (described_class<T>) {
    each_described(const_cast<T&>(x), [&](const auto& member) { put(member); });
  } else if constexpr (conjurable<T> || std::same_as<T, std::nullptr_t>) {
    // Its type says all.
  } else if constexpr (string_class<T>) {
    put_size(x.size());
    raw(x.data(), x.size() * sizeof(typename T::value_type));
  } else if constexpr (path_class<T>) {
    put(x.native());
  } else if constexpr (complex_number<T>) {
    put(x.real());
    put(x.imag());
  } else if constexpr (chrono_duration<T>) {
    put(x.count());
  } else if constexpr (chrono_time_point<T>) {
    put(x.time_since_epoch());
  } else if constexpr (optional_class<T>) {
    put(x.has_value());
    if (x.has_value()) put(*x);
  } else if constexpr (variant_class<T>) {
    if (x.valueless_by_exception()) throw PicklingError("a variant lost its value to an exception");
    put_size(static_cast<std::size_t>(x.index()));
    visit([&](const auto& active) { put(active); }, x);
  } else if constexpr (smart_pointer<T>) {
    put_pointer(x);
  } else if constexpr (map_class<T>) {
    put_size(x.size());
    for (const auto& [key, value] : x) {
      put(key);
      put(value);
    }
  } else if constexpr (fixed_range<T> || valarray_class<T> || readable_range<T>) {
    put_sequence(x);
  } else if constexpr (tuple_class<T>) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (put(get<I>(x)), ...); }(std::make_index_sequence<std::tuple_size_v<T>>());
  } else {
    static_assert(walkable_aggregate<T>, "Process: a field of an argument can't be sent: describe its class, or give it a "
                                         "serialize() function (docs/pickle.md)");
    for_each_member(x, [&](const auto& member, std::size_t) { put(member); });
  }
}

template <class T>
void ParcelWriter::put_member_function(T member) {
  static_assert(sizeof(T) == sizeof(MemberFunction));
  const auto parts = std::bit_cast<MemberFunction>(member);
  const bool named = parts.code != 0 && parts.code % 2 == 0;
  put(named ? CodeName::of(parts.code) : CodeName{{}, {}, parts.code});
  put(parts.adjustment);
}

template <class T>
void ParcelWriter::put_pointer(const T& x) {
  if (x == nullptr) return put(PointerTag::null);
  if constexpr (shared_pointer<T>) {
    if (x.use_count() > 1) {
      const auto [known, is_new] = shared_.try_emplace({x.get(), typeid(typename T::element_type)}, Shared{shared_.size()});
      Shared& shared = known->second;
      put(is_new ? PointerTag::first : PointerTag::again);
      if (!is_new) {
        if (!shared.written) throw PicklingError("a shared pointer leads back to itself");
        return put(shared.number);
      }
      put(*x);
      shared.written = true;
      return;
    }
  }
  put(PointerTag::own);
  put(*x);
}

template <class T>
void ParcelWriter::put_sequence(const T& x) {
  if constexpr (block_range<T>) {
    put_size(std::ranges::size(x));
    raw(std::ranges::data(x), std::ranges::size(x) * sizeof(*std::ranges::data(x)));
  } else {
    std::uint64_t size = 0;
    const std::size_t at = bytes_.size();
    put(size);
    for (const auto& element : x) {
      put(static_cast<const std::remove_cv_t<typename T::value_type>&>(element));  // of a vector<bool> a bool
      ++size;
    }
    std::memcpy(bytes_.data() + at, &size, sizeof size);
  }
}

}  // namespace multiprocessing::detail
