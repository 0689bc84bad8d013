// SPDX-License-Identifier: BSL-1.0
/// \file
/// The list of all scenarios; a source file adds its own by one object at namespace scope.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kill_test {

struct Scenario {
  std::string name;
  std::function<std::optional<bool>()> run;  ///< whether it passed; nullopt: can't be run here
};

inline std::vector<Scenario>& scenarios() {
  static std::vector<Scenario> all;
  return all;
}

/// `const Add lock_release{Sweep<LockState>{.name = "lock.release", ...}};`
class Add {
 public:
  template <class Description>
  explicit Add(Description description) {
    scenarios().push_back({description.name, [description] { return run(description); }});
  }
};

}  // namespace kill_test
