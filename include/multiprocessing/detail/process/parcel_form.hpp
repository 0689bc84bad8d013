// SPDX-License-Identifier: BSL-1.0
/// \file
/// What ParcelWriter and ParcelReader agree on.
#pragma once

#include <multiprocessing/pickle/kinds.hpp>

#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace multiprocessing::detail {

/// As the Itanium C++ ABI has it: an address, or if odd the place in a table of virtual functions; and an adjustment.
struct MemberFunction {
  std::uintptr_t code = 0;
  std::intptr_t adjustment = 0;
};

/// How deep what is sent may be nested; beyond, a list of millions of links would exhaust the stack.
inline constexpr std::size_t deepest_parcel = 500;

/// What stands before a shared pointer.
enum class PointerTag : std::uint8_t { null, own, first, again };

/// Calls `use` with each member of a described class.
template <described_class T, class Use>
void each_described(T& x, Use&& use) {
  using Members = boost::describe::describe_members<T, boost::describe::mod_any_access | boost::describe::mod_inherited>;
  boost::mp11::mp_for_each<Members>([&](auto member) { use(x.*member.pointer); });
}

/// `U`, but not before `T` is known.
template <class T, class U>
using same_for = std::conditional_t<std::is_void_v<T>, T, U>;

}  // namespace multiprocessing::detail
