// SPDX-License-Identifier: BSL-1.0
/// \file
/// CodeName: a function, named so that another process that runs the same program finds it.
#pragma once

#include <multiprocessing/detail/os/modules.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/pickle/errors.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace multiprocessing::detail {

/// A function by its module, that module's build and its place in it: addresses differ between processes.
struct CodeName {
  std::string module;  // its path; empty: the program itself
  std::string build_id;
  std::uint64_t offset = 0;

  /// Throws PicklingError for an address in no module.
  static CodeName of(std::uintptr_t address) {
    const auto module = module_of(address);
    if (!module)
      throw PicklingError("a function at address " + std::to_string(address) +
                          " lies in no program or shared library, so another process can't find it");
    return {module->path, module->build_id, address - module->base};
  }

  /// Its address here; loads the library if need be. Throws RuntimeError when this is another build.
  std::uintptr_t find() const {
    auto found = loaded_module(module);
    if (!found) {
      const std::string why = load_module(module);
      found = loaded_module(module);
      if (!found) throw RuntimeError("the library " + module + " of the target can't be loaded here: " + why);
    }
    if (found->build_id != build_id)
      throw RuntimeError("the target is of another build: " + (module.empty() ? "the program" : module) + " has build id " + build_id +
                         " in the parent and " + found->build_id +
                         " here; start processes by the very same program (see mp::set_executable)");
    return found->base + offset;
  }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(module, build_id, offset);
  }
};

}  // namespace multiprocessing::detail
