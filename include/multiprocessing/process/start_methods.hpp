// SPDX-License-Identifier: BSL-1.0
/// \file
/// The start methods that there are, chosen by name; and which is the program's own.
#pragma once

#include <multiprocessing/detail/process/settings.hpp>
#include <multiprocessing/detail/runtime/runtime.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/process/fork.hpp>
#include <multiprocessing/process/forkserver.hpp>
#include <multiprocessing/process/spawn.hpp>
#include <multiprocessing/process/start_method.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace multiprocessing {

namespace detail {

/// All of them, the default first.
using StartMethods = std::tuple<Fork, Spawn, Forkserver>;

inline constexpr std::string_view default_start_method = std::tuple_element_t<0, StartMethods>::name;

/// A start method, chosen at run time.
struct ChosenMethod {
  std::shared_ptr<Child> (*launch)(const std::shared_ptr<ProcessRecord>&, Life&) = nullptr;
  std::string_view name;
  std::string_view process_class;
};

template <start_method Method>
std::shared_ptr<Child> launch_by(const std::shared_ptr<ProcessRecord>& record, Life& life) {
  return Method{}.launch(record, life);
}

/// The method of that name; throws ValueError, as Python does, when there is none.
inline ChosenMethod find_start_method(std::string_view name) {
  return std::apply(
      [&](auto... method) {
        ChosenMethod found;
        std::string known;
        ((method.name == name ? void(found = {&launch_by<decltype(method)>, method.name, method.process_class})
                              : void((known += known.empty() ? "'" : ", '") += std::string(method.name) + "'")),
         ...);
        if (found.launch == nullptr)
          throw ValueError("cannot find context for '" + std::string(name) + "'; available: " + known);
        return found;
      },
      StartMethods{});
}

/// The program's own, which is settled by that.
inline std::string settled_start_method() {
  const RuntimeAccess access;
  auto& method = start_settings().method;
  if (!method) method = default_start_method;
  return *method;
}

}  // namespace detail

/// By which method processes are started that name none: "fork", "spawn" or "forkserver". Once, before any was started by
/// the default: else it throws RuntimeError, unless `force`. Without a method it is open again. Libraries leave it to
/// the program, and take get_context(). Throws ValueError for other names.
inline void set_start_method(std::optional<std::string> method, bool force = false) {
  const detail::RuntimeAccess access;
  auto& settled = detail::start_settings().method;
  if (settled && !force) throw RuntimeError("context has already been set: to '" + *settled + "'; call it once, first in main");
  if (method) detail::find_start_method(*method);
  settled = std::move(method);
}

/// The method that processes are started by which name none. That settles it; with `allow_none` it is asked only, and absent
/// while it is open.
inline std::optional<std::string> get_start_method(bool allow_none) {
  if (!allow_none) return detail::settled_start_method();
  const detail::RuntimeAccess access;
  return detail::start_settings().method;
}
inline std::string get_start_method() { return detail::settled_start_method(); }

/// All methods, the default first.
inline std::vector<std::string> get_all_start_methods() {
  return std::apply([](auto... method) { return std::vector<std::string>{std::string(method.name)...}; },
                    detail::StartMethods{});
}

}  // namespace multiprocessing
