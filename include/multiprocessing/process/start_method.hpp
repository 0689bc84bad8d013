// SPDX-License-Identifier: BSL-1.0
/// \file
/// What a start method is.
#pragma once

#include <multiprocessing/detail/os/child.hpp>
#include <multiprocessing/detail/runtime/bootstrap.hpp>
#include <multiprocessing/detail/runtime/process_record.hpp>

#include <concepts>
#include <memory>
#include <string_view>

namespace multiprocessing::detail {

/// A way to bring a process about. `launch` returns in the parent, with the child that runs `life` as `record`, or
/// throws if none came to be; in the child it never returns. A new one is a file beside fork.hpp and its name in
/// StartMethods.
template <class T>
concept start_method = requires(const T& method, const std::shared_ptr<ProcessRecord>& record, Life& life) {
  { T::name } -> std::convertible_to<std::string_view>;
  { T::process_class } -> std::convertible_to<std::string_view>;  // as Python names the class of its context
  { T::sends } -> std::convertible_to<bool>;  // whether target and arguments are sent, and must be picklable
  { method.launch(record, life) } -> std::same_as<std::shared_ptr<Child>>;
};

}  // namespace multiprocessing::detail
