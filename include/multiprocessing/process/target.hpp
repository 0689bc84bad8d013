// SPDX-License-Identifier: BSL-1.0
/// \file
/// A target with its arguments, kept until the process that runs it exists.
#pragma once

#include <multiprocessing/detail/process/carriable.hpp>
#include <multiprocessing/detail/process/package.hpp>
#include <multiprocessing/detail/process/parcel.hpp>
#include <multiprocessing/detail/process/refusal.hpp>
#include <multiprocessing/detail/process/text.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace multiprocessing::detail {

template <class T>
inline constexpr bool is_c_string = std::same_as<std::decay_t<T>, const char*> || std::same_as<std::decay_t<T>, char*>;

/// As what an argument of type T is stored.
template <class T>
using stored_argument = std::conditional_t<is_c_string<T>, Text, std::decay_t<T>>;

/// As what a stored argument is passed: as an rvalue, or where the target asks for a T&, as the process's own lvalue.
template <bool AsLvalue, class T>
struct Passing {
  using type = std::conditional_t<AsLvalue, T&, T&&>;
  static type pass(T& stored) { return static_cast<type>(stored); }
};
template <>
struct Passing<false, Text> {
  using type = std::string&&;
  static type pass(Text& stored) { return std::move(stored.value); }
};
template <>
struct Passing<true, Text> {
  using type = std::string&;
  static type pass(Text& stored) { return stored.value; }
};

// Which arguments go as lvalues is a set, written as the bits of a number: bit i for argument i.
template <std::size_t Lvalues, std::size_t Index, class T>
using PassingAt = Passing<((Lvalues >> Index) & 1) != 0, T>;

template <std::size_t Lvalues, class Target, class Indices, class... Stored>
inline constexpr bool callable_with = false;
template <std::size_t Lvalues, class Target, std::size_t... Index, class... Stored>
inline constexpr bool callable_with<Lvalues, Target, std::index_sequence<Index...>, Stored...> =
    std::invocable<Target&&, typename PassingAt<Lvalues, Index, Stored>::type...>;

/// With which arguments as lvalues the target can be called: none if that works, else all, else the first set that
/// does; 2 to the number of arguments when nothing does. Sets are tried for up to eight arguments.
template <class Target, class... Stored>
consteval std::size_t lvalue_arguments() {
  constexpr std::size_t nothing = std::size_t{1} << sizeof...(Stored);
  using Indices = std::index_sequence_for<Stored...>;
  if constexpr (callable_with<0, Target, Indices, Stored...>) {
    return 0;
  } else if constexpr (callable_with<nothing - 1, Target, Indices, Stored...>) {
    return nothing - 1;
  } else if constexpr (sizeof...(Stored) > 8) {
    return nothing;
  } else {
    return []<std::size_t... Set>(std::index_sequence<Set...>) {
      std::size_t found = nothing;
      (void)((callable_with<Set, Target, Indices, Stored...> && (found = Set, true)) || ...);
      return found;
    }(std::make_index_sequence<nothing>{});
  }
}

/// What can run in a process with copies of these arguments.
template <class Target, class... Arguments>
concept process_target =
    lvalue_arguments<std::decay_t<Target>, stored_argument<Arguments>...>() != std::size_t{1} << sizeof...(Arguments);

template <class T>
inline constexpr bool is_reference_wrapper = false;
template <class T>
inline constexpr bool is_reference_wrapper<std::reference_wrapper<T>> = true;

/// A target and its arguments of any types.
class Work {
 public:
  virtual ~Work() = default;
  /// Calls the target; once, since it may move the arguments out.
  virtual void run() = 0;
  /// Writes it down for a process that was started anew; throws PicklingError when that can't be.
  virtual void pack(Package& package) const = 0;
};

/// How a target with its arguments is sent, and made again as a `Bound`.
template <class Bound, carriable... Stored>
struct SentWork {
  static void pack(Package& package, const Stored&... values) {
    try {
      ParcelWriter writer;
      writer(values...);
      package.pack(&unpack, writer.finish());
    } catch (...) {
      std::size_t number = 0;
      (try_alone(number++, values), ...);
      throw;
    }
  }

  /// In the new process: the same work.
  static std::unique_ptr<Work> unpack(std::string_view message) {
    ParcelReader reader = ParcelReader::of_finished(message);
    std::tuple<Stored...> values{reader.make<Stored>()...};  // braces: in their order
    return std::apply([](Stored&... each) { return std::make_unique<Bound>(std::move(each)...); }, values);
  }

 private:
  /// Throws the error of this one, if it has any, saying which it is.
  template <class T>
  static void try_alone(std::size_t number, const T& value) {
    try {
      ParcelWriter writer;
      writer(value);
      writer.finish();
    } catch (...) {
      refuse_to_carry_this(number, typeid(T));
    }
  }
};

template <class Target, class... Stored>
class BoundWork final : public Work {
 public:
  template <class T, class... A>
  explicit BoundWork(T&& target, A&&... arguments)
      : target_(std::forward<T>(target)), arguments_(std::forward<A>(arguments)...) {}

  void run() override { call(std::index_sequence_for<Stored...>{}); }

  void pack(Package& package) const override {
    if constexpr (carriable<Target> && (carriable<Stored> && ...)) {
      std::apply([&](const Stored&... arguments) { SentWork<BoundWork, Target, Stored...>::pack(package, target_, arguments...); },
                 arguments_);
    } else {
      const bool can[] = {carriable<Target>, carriable<Stored>...};
      const std::type_info* const types[] = {&typeid(Target), &typeid(Stored)...};
      const auto first = static_cast<std::size_t>(std::find(std::begin(can), std::end(can), false) - std::begin(can));
      refuse_to_carry(first, *types[first]);
    }
  }

 private:
  template <std::size_t... Index>
  void call(std::index_sequence<Index...>) {
    [[maybe_unused]] constexpr std::size_t lvalues = lvalue_arguments<Target, Stored...>();
    std::invoke(std::move(target_), PassingAt<lvalues, Index, Stored>::pass(std::get<Index>(arguments_))...);
  }

  Target target_;
  std::tuple<Stored...> arguments_;
};

}  // namespace multiprocessing::detail
