// SPDX-License-Identifier: BSL-1.0
/// \file
/// The name of a class as a person would say it.
#pragma once

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <typeinfo>

namespace multiprocessing::detail {

/// Python's `type(x).__name__`: without namespaces, enclosing functions and template arguments.
inline std::string class_name(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> demangled(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status),
                                                         std::free);
  std::string_view name = status == 0 ? demangled.get() : type.name();
  name = name.substr(0, name.rfind("[abi:"));
  // From the end, for what stands before the last name may hold anything: f(int)::operator<(...)::Name<int>.
  if (name.ends_with('>')) {
    int depth = 0;
    do {
      depth += name.back() == '>' ? 1 : name.back() == '<' ? -1 : 0;
      name.remove_suffix(1);
    } while (depth != 0 && !name.empty());
  }
  const std::size_t colon = name.rfind(':');
  return std::string(name.substr(colon == std::string_view::npos ? 0 : colon + 1));
}

}  // namespace multiprocessing::detail
