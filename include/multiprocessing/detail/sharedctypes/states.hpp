// SPDX-License-Identifier: BSL-1.0
/// \file
/// How a Value and an Array lie in shared memory.
#pragma once

#include <multiprocessing/detail/memory/heap.hpp>
#include <multiprocessing/detail/memory/shared_ref.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/shareable.hpp>
#include <multiprocessing/synchronize/rlock.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <type_traits>

namespace multiprocessing::detail {

/// Anything but a `Self`: what a deleted overload answers.
template <class U, class Self>
concept other_than = !std::same_as<std::remove_cvref_t<U>, Self>;

/// A size that is no element of numbers T: in a list it would be narrowed, which g++ only warns of.
template <class Size, class T>
concept size_unlike = (std::same_as<Size, std::size_t> || std::same_as<Size, std::ptrdiff_t>) && std::is_arithmetic_v<T> &&
                      !requires(Size size) {
  T{size};
};

/// A member that a reference can stand for.
template <class T, class Member, class Class>
concept data_member =
    std::derived_from<T, Class> && std::is_object_v<Member> && !std::is_array_v<Member> && !std::is_const_v<Member>;

/// A method that takes these arguments.
template <class T, class Method, class... Arguments>
concept method_of = std::is_member_function_pointer_v<Method> && std::invocable<Method, T&, Arguments...>;

/// Answers a type that cannot lie in a Value or an Array by the sentence that helps.
template <class T>
consteval bool require_storable() {
  require_shareable<T>();
  static_assert(std::is_object_v<T> && !std::is_const_v<T> && !std::is_volatile_v<T>,
                "shared types are plain: name T without const and volatile, and a const handle instead of a const T");
  static_assert(alignof(T) <= cache_line,
                "T is aligned to more than the 64 bytes of a cache line, which shared memory does not grant");
  return true;
}

/// A Value, locked or raw: what it holds lies right behind its lock, so that a number, its lock and the object's header
/// share one cache line. Changing this, or ArrayState, raises `ArenaHeader::current_version`.
template <class T, bool wide = (alignof(T) > 16)>
struct ValueState {
  static constexpr std::size_t extra = 0;  // bytes behind it

  RLockState lock;
  alignas(T) std::byte bytes[sizeof(T)];

  void* where() { return bytes; }
};

/// One that is aligned to more than 16 bytes begins with the cache line behind the state.
template <class T>
struct ValueState<T, true> {
  static constexpr std::size_t extra = sizeof(T);

  RLockState lock;
  std::uint32_t padding[3] = {};

  void* where() { return this + 1; }
};
static_assert(sizeof(ValueState<double>) == 32 && offsetof(ValueState<double>, bytes) == 24);

/// The head of an Array, locked or raw; the elements lie behind it, from the next cache line on.
struct ArrayState {
  RLockState lock;
  std::uint32_t padding = 0;
  std::uint64_t size = 0;  // how many elements; fixed at creation
};
static_assert(sizeof(ArrayState) == 32 && object_offset + sizeof(ArrayState) == cache_line);

/// A reference to a new object that `build(where)` makes, and what lies in it.
template <class T>
struct SharedValue {
  SharedRef<RLockState> object;
  T* at;

  template <class Build>
  static SharedValue make(Build build) {
    using State = ValueState<T>;
    T* at = nullptr;
    const auto whole = SharedRef<State>::make(ObjectKind::value, State::extra, [&](void* where) {
      auto* const state = new (where) State;
      at = build(state->where());
      return state;
    });
    return {SharedRef<RLockState>(whole, &State::lock), at};
  }
};

/// The T in the object that begins with `lock` and has so many bytes. Throws StaleHandle when it is no such object.
template <class T>
T* value_in(RLockState* lock, std::size_t bytes) {
  using State = ValueState<T>;
  if (bytes != sizeof(State) + State::extra) throw StaleHandle("the handle that was received is of another type of Value");
  return reinterpret_cast<T*>(reinterpret_cast<State*>(lock)->where());
}

/// The number of the element's bytes, as a handle sends it. Throws TypeError when what was received is of another type.
template <class T, class Archive>
void match_element(Archive& archive) {
  std::uint64_t bytes = sizeof(T);
  archive(bytes);
  if (bytes != sizeof(T))
    throw TypeError("a Value or Array was received whose type has " + std::to_string(bytes) + " bytes, and not " +
                    std::to_string(sizeof(T)));
}

/// The T in the object that begins with `lock`.
template <class T>
T* value_in(RLockState* lock) {
  return reinterpret_cast<T*>(reinterpret_cast<ValueState<T>*>(lock)->where());
}

/// The elements of the array that begins with `lock`.
template <class T>
std::span<T> elements_in(RLockState* lock) {
  auto* const state = reinterpret_cast<ArrayState*>(lock);
  return {reinterpret_cast<T*>(state + 1), state->size};
}

/// More bytes than any arena has.
inline constexpr std::size_t largest_size = std::numeric_limits<std::ptrdiff_t>::max() / 2;

/// Refuses a size that no address space holds, as the arena refuses one that it does not hold: with both figures.
[[noreturn]] inline void throw_too_large() {
  Heap(this_thread()).allocate(largest_size);
  throw ArenaFull("array too large");
}

/// A reference to a new object with `size` elements that `build(where)` makes.
template <class T>
struct SharedElements {
  SharedRef<RLockState> object;
  T* data;
  std::size_t size;

  template <class Build>
  static SharedElements make(std::size_t size, Build build) {
    if (size > largest_size / sizeof(T)) [[unlikely]]
      throw_too_large();
    const auto whole = SharedRef<ArrayState>::make(ObjectKind::array, size * sizeof(T), [&](void* where) {
      auto* const state = new (where) ArrayState;
      state->size = size;
      build(reinterpret_cast<T*>(state + 1));
      return state;
    });
    auto* const data = reinterpret_cast<T*>(whole.unchecked() + 1);
    return {SharedRef<RLockState>(whole, &ArrayState::lock), data, size};
  }
};

}  // namespace multiprocessing::detail
