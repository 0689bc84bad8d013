// SPDX-License-Identifier: BSL-1.0
/// \file
/// The start methods that there are, chosen by name.
#pragma once

#include <multiprocessing/errors.hpp>
#include <multiprocessing/process/fork.hpp>
#include <multiprocessing/process/start_method.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <tuple>

namespace multiprocessing::detail {

/// All of them, the default first.
using StartMethods = std::tuple<Fork>;

inline constexpr std::string_view default_start_method = std::tuple_element_t<0, StartMethods>::name;

/// A start method, chosen at run time.
using Launch = std::shared_ptr<Child> (*)(const std::shared_ptr<ProcessRecord>&, Life&);

template <start_method Method>
std::shared_ptr<Child> launch_by(const std::shared_ptr<ProcessRecord>& record, Life& life) {
  return Method{}.launch(record, life);
}

/// The method of that name; throws ValueError, as Python does, when there is none.
inline Launch find_start_method(std::string_view name) {
  return std::apply(
      [&](auto... method) {
        Launch found = nullptr;
        std::string known;
        ((method.name == name ? void(found = &launch_by<decltype(method)>)
                              : void((known += known.empty() ? "'" : ", '") += std::string(method.name) + "'")),
         ...);
        if (found == nullptr)
          throw ValueError("cannot find context for '" + std::string(name) + "'; available: " + known);
        return found;
      },
      StartMethods{});
}

}  // namespace multiprocessing::detail
