// SPDX-License-Identifier: BSL-1.0
/// \file
/// The operators that change an object in shared memory, each under its lock.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

namespace multiprocessing {

template <class T, class Guard>
class SharedReference;
template <class T>
class ElementReference;

namespace detail {

/// What a reference refers to; void for everything else.
template <class R>
struct referent {
  using type = void;
};
template <class T, class Guard>
struct referent<SharedReference<T, Guard>> {
  using type = T;
};
template <class T>
struct referent<ElementReference<T>> {
  using type = T;
};
template <class R>
using referent_t = typename referent<std::remove_cvref_t<R>>::type;

template <class R>
concept shared_reference = !std::is_void_v<referent_t<R>>;

// Not bool, which clang 14 would let through as a warning.
template <class R>
concept incrementable_reference =
    shared_reference<R> && !std::same_as<referent_t<R>, bool> && requires(referent_t<R> & x) {
  ++x;
  x++;
};
template <class R>
concept decrementable_reference =
    shared_reference<R> && !std::same_as<referent_t<R>, bool> && requires(referent_t<R> & x) {
  --x;
  x--;
};

/// What an operand is once it was read.
template <class U>
using operand_t = std::conditional_t<shared_reference<U>, referent_t<U>, std::remove_cvref_t<U>>;

/// An operand; if it is in shared memory itself, a copy taken under its own lock: one lock at a time, so that
/// `a.value += b.value` and the reverse elsewhere never wait for each other.
template <class U>
decltype(auto) read_operand(U&& operand) {
  if constexpr (shared_reference<U>) {
    return std::forward<U>(operand).get();
  } else {
    return static_cast<const std::remove_cvref_t<U>&>(operand);
  }
}

/// `op(x, operand)`, an assignment such as `x += operand`. Of numbers in the type of their sum and back: what the
/// language does, without the compiler's warning that nobody could act upon here.
template <class T, class U, class Op>
void combine(T& x, const U& operand, Op op) {
  if constexpr (std::is_arithmetic_v<T> && std::is_arithmetic_v<U>) {
    using Wide = decltype(T{} + U{});
    auto wide = static_cast<Wide>(x);
    op(wide, static_cast<Wide>(operand));
    x = static_cast<T>(wide);
  } else {
    op(x, operand);
  }
}

/// What a read of a T in shared memory gives.
template <class T>
T copied(const T& x) {
  static_assert(std::is_copy_constructible_v<T>,
                "a Value or an Array copies what is read or changed by name, and this type has no copies: use "
                "with([](auto& x) { ... }); a std::atomic needs no lock, so hold it in a RawValue or a RawArray");
  return x;
}

/// Changes what `reference` refers to and returns its new value, all of it under one lock.
template <class R, class U, class Op>
auto change(R&& reference, U&& operand, Op op) {
  const auto& read = read_operand(std::forward<U>(operand));
  return std::forward<R>(reference).with([&](auto& x) {
    combine(x, read, op);
    return copied(x);
  });
}

/// What x was before combine().
template <class T, class U, class Op>
T fetch_and_combine(T& x, const U& operand, Op op) {
  const T before = copied(x);
  combine(x, operand, op);
  return before;
}

/// One step of compare_exchange().
template <class T>
bool replace_if_equal(T& x, T& expected, const T& desired) {
  if (x == expected) {
    x = desired;
    return true;
  }
  expected = x;
  return false;
}

}  // namespace detail

// Each returns the new value, as those of std::atomic do.

template <detail::shared_reference R, class U>
requires requires(detail::referent_t<R>& x, const detail::operand_t<U>& y) { x += y; }
auto operator+=(R&& reference, U&& operand) {
  return detail::change(std::forward<R>(reference), std::forward<U>(operand), [](auto& x, const auto& y) { x += y; });
}

template <detail::shared_reference R, class U>
requires requires(detail::referent_t<R>& x, const detail::operand_t<U>& y) { x -= y; }
auto operator-=(R&& reference, U&& operand) {
  return detail::change(std::forward<R>(reference), std::forward<U>(operand), [](auto& x, const auto& y) { x -= y; });
}

template <detail::shared_reference R, class U>
requires requires(detail::referent_t<R>& x, const detail::operand_t<U>& y) { x *= y; }
auto operator*=(R&& reference, U&& operand) {
  return detail::change(std::forward<R>(reference), std::forward<U>(operand), [](auto& x, const auto& y) { x *= y; });
}

template <detail::shared_reference R, class U>
requires requires(detail::referent_t<R>& x, const detail::operand_t<U>& y) { x /= y; }
auto operator/=(R&& reference, U&& operand) {
  return detail::change(std::forward<R>(reference), std::forward<U>(operand), [](auto& x, const auto& y) { x /= y; });
}

template <detail::shared_reference R, class U>
requires requires(detail::referent_t<R>& x, const detail::operand_t<U>& y) { x %= y; }
auto operator%=(R&& reference, U&& operand) {
  return detail::change(std::forward<R>(reference), std::forward<U>(operand), [](auto& x, const auto& y) { x %= y; });
}

template <detail::shared_reference R, class U>
requires requires(detail::referent_t<R>& x, const detail::operand_t<U>& y) { x &= y; }
auto operator&=(R&& reference, U&& operand) {
  return detail::change(std::forward<R>(reference), std::forward<U>(operand), [](auto& x, const auto& y) { x &= y; });
}

template <detail::shared_reference R, class U>
requires requires(detail::referent_t<R>& x, const detail::operand_t<U>& y) { x |= y; }
auto operator|=(R&& reference, U&& operand) {
  return detail::change(std::forward<R>(reference), std::forward<U>(operand), [](auto& x, const auto& y) { x |= y; });
}

template <detail::shared_reference R, class U>
requires requires(detail::referent_t<R>& x, const detail::operand_t<U>& y) { x ^= y; }
auto operator^=(R&& reference, U&& operand) {
  return detail::change(std::forward<R>(reference), std::forward<U>(operand), [](auto& x, const auto& y) { x ^= y; });
}

template <detail::shared_reference R, class U>
requires requires(detail::referent_t<R>& x, const detail::operand_t<U>& y) { x <<= y; }
auto operator<<=(R&& reference, U&& operand) {
  const auto& by = detail::read_operand(std::forward<U>(operand));
  return std::forward<R>(reference).with([&](auto& x) {
    // Not by combine(): the left side alone decides the type.
    if constexpr (std::is_integral_v<detail::referent_t<R>>)
      return x = static_cast<detail::referent_t<R>>(x << by);
    else
      return x <<= by;
  });
}

template <detail::shared_reference R, class U>
requires requires(detail::referent_t<R>& x, const detail::operand_t<U>& y) { x >>= y; }
auto operator>>=(R&& reference, U&& operand) {
  const auto& by = detail::read_operand(std::forward<U>(operand));
  return std::forward<R>(reference).with([&](auto& x) {
    if constexpr (std::is_integral_v<detail::referent_t<R>>)
      return x = static_cast<detail::referent_t<R>>(x >> by);
    else
      return x >>= by;
  });
}

template <detail::incrementable_reference R>
auto operator++(R&& reference) {
  return std::forward<R>(reference).with([](auto& x) {
    ++x;
    return detail::copied(x);
  });
}

template <detail::decrementable_reference R>
auto operator--(R&& reference) {
  return std::forward<R>(reference).with([](auto& x) {
    --x;
    return detail::copied(x);
  });
}

/// The old value.
template <detail::incrementable_reference R>
auto operator++(R&& reference, int) {
  return std::forward<R>(reference).with([](auto& x) { return x++; });
}

/// The old value.
template <detail::decrementable_reference R>
auto operator--(R&& reference, int) {
  return std::forward<R>(reference).with([](auto& x) { return x--; });
}

}  // namespace multiprocessing
