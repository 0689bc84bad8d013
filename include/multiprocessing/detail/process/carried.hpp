// SPDX-License-Identifier: BSL-1.0
/// \file
/// Carried: a target or an argument on its way to a process that has no copy of this one's memory.
#pragma once

#include <multiprocessing/detail/memory/blank.hpp>
#include <multiprocessing/detail/process/code_name.hpp>
#include <multiprocessing/detail/process/text.hpp>
#include <multiprocessing/pickle/picklable.hpp>

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace multiprocessing::detail {

/// What can be made of nothing, in any process: a lambda without captures.
template <class T>
concept conjurable = std::is_class_v<T> && std::is_empty_v<T> && std::movable<T> &&
                     (std::default_initializable<T> || std::is_trivially_copyable_v<T>);

template <class T>
concept function_pointer = std::is_pointer_v<T> && std::is_function_v<std::remove_pointer_t<T>>;

/// What can be sent to a process that was started anew.
template <class T>
concept carriable = std::same_as<T, Text> || function_pointer<T> || std::is_member_pointer_v<T> || conjurable<T> ||
                    (sends_itself<T> && std::movable<T> && has_blank<T>) || picklable<T>;

/// As the Itanium C++ ABI has it: an address, or if odd the place in a table of virtual functions; and an adjustment.
struct MemberFunction {
  std::uintptr_t code = 0;
  std::intptr_t adjustment = 0;
};

/// Calls the function by which `x` sends itself.
template <class Archive, sends_itself T>
void list_fields(Archive& archive, T& x) {
  if constexpr (has_serialize_member<T>) {
    x.serialize(archive);
  } else {
    serialize(archive, x);
  }
}

/// Writes the T that it was made of; holds the one that it has read.
template <carriable T>
class Carried {
 public:
  Carried() = default;
  explicit Carried(const T& value) : sent_(&value) {}

  template <class Archive>
  void serialize(Archive& archive) {
    if constexpr (Archive::loading) {
      receive(archive);
    } else {
      send(archive);
    }
  }

  T take() { return std::move(**made_); }

 private:
  template <class Archive>
  void send(Archive& archive) const;
  template <class Archive>
  void receive(Archive& archive);

  const T* sent_ = nullptr;
  std::unique_ptr<std::optional<T>> made_;  // elsewhere: g++ 12 takes an empty optional inside for an uninitialized T
};

template <carriable T>
template <class Archive>
void Carried<T>::send(Archive& archive) const {
  if constexpr (std::same_as<T, Text>) {
    archive(sent_->value);
  } else if constexpr (function_pointer<T>) {
    archive(*sent_ == nullptr ? CodeName() : CodeName::of(reinterpret_cast<std::uintptr_t>(*sent_)));
  } else if constexpr (std::is_member_function_pointer_v<T>) {
    static_assert(sizeof(T) == sizeof(MemberFunction));
    auto parts = std::bit_cast<MemberFunction>(*sent_);
    const bool named = parts.code != 0 && parts.code % 2 == 0;
    archive(named ? CodeName::of(parts.code) : CodeName{{}, {}, parts.code}, parts.adjustment);
  } else if constexpr (std::is_member_object_pointer_v<T>) {
    archive(std::bit_cast<std::intptr_t>(*sent_));
  } else if constexpr (conjurable<T>) {
    // Its type says all.
  } else if constexpr (sends_itself<T>) {
    list_fields(archive, *const_cast<T*>(sent_));  // which changes nothing when it writes
  } else {
    archive(*sent_);
  }
}

template <carriable T>
template <class Archive>
void Carried<T>::receive(Archive& archive) {
  made_ = std::make_unique<std::optional<T>>();
  std::optional<T>& made = *made_;
  if constexpr (std::same_as<T, Text>) {
    made.emplace("");
    archive(made->value);
  } else if constexpr (function_pointer<T>) {
    CodeName name;
    archive(name);
    made = name.build_id.empty() ? nullptr : reinterpret_cast<T>(name.find());
  } else if constexpr (std::is_member_function_pointer_v<T>) {
    CodeName name;
    MemberFunction parts;
    archive(name, parts.adjustment);
    parts.code = name.build_id.empty() ? static_cast<std::uintptr_t>(name.offset) : name.find();
    made = std::bit_cast<T>(parts);
  } else if constexpr (std::is_member_object_pointer_v<T>) {
    std::intptr_t offset = 0;
    archive(offset);
    made = std::bit_cast<T>(offset);
  } else if constexpr (conjurable<T>) {
    if constexpr (std::default_initializable<T>) {
      made.emplace();
    } else {
      made.emplace(std::bit_cast<T>('\0'));
    }
  } else if constexpr (sends_itself<T>) {
    made.emplace(Blank<T>::make());
    list_fields(archive, *made);
  } else {
    archive(made);
    // What was sent as None reads as no T at all, but was one: an empty optional, a null pointer.
    if constexpr (std::default_initializable<T>) {
      if (!made) made.emplace();
    }
  }
}

}  // namespace multiprocessing::detail
