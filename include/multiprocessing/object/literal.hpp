// SPDX-License-Identifier: BSL-1.0
/// \file
/// What the literals `mp::list{...}`, `mp::tuple{...}` and `mp::set{...}` take.
#pragma once

#include <multiprocessing/object/object.hpp>

#include <concepts>
#include <cstddef>
#include <ranges>
#include <type_traits>

namespace multiprocessing::detail {

/// The elements of a literal of class `Self`, one by one. Not as an initializer_list, of which the compilers disagree
/// whether list{l} is a copy of l or a list with one list in it: here it is the copy, as Python's list(l).
template <class Self, class... Items>
concept literal_of = sizeof...(Items) != 0 && (std::convertible_to<Items, object> && ...) &&
                     !(sizeof...(Items) == 1 && (std::derived_from<std::remove_cvref_t<Items>, Self> && ...));

/// A range that is no object itself: a container or mp::range.
template <class Range>
concept elements_of = std::ranges::input_range<Range> && !std::convertible_to<Range, object> &&
                      std::constructible_from<object, std::ranges::range_reference_t<Range>>;

}  // namespace multiprocessing::detail
