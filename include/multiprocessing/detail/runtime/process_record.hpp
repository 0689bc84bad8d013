// SPDX-License-Identifier: BSL-1.0
/// \file
/// ProcessRecord: what is known about one process, whoever asks.
#pragma once

#include <multiprocessing/detail/core/type_name.hpp>
#include <multiprocessing/detail/os/child.hpp>

#include <memory>
#include <optional>
#include <string>
#include <typeinfo>
#include <vector>

namespace multiprocessing::detail {

/// One process. A Process object and the registry of children hold it together, so that either may go first. All is
/// guarded by the Runtime's mutex, but what says const.
struct ProcessRecord {
  enum class Progress { initial, starting, started, closed };

  std::vector<int> identity;                   // its number, after those of the processes it descends from
  std::optional<std::string> name;             // absent: made of `kind` and `identity`
  std::string kind = "Process";                // its class, as Python would name it
  bool daemon = false;
  bool outlive_parent = false;
  std::shared_ptr<const std::string> authkey;  // replaced, never changed
  pid_t creator = 0;                           // the process that may start, join and test it; 0: none may
  pid_t pid = 0;                               // of a parent or of this process itself; a child's is in `child`
  Progress progress = Progress::initial;
  std::shared_ptr<Child> child;                // once started
};

/// The given name, or Python's default: "Process-1", "SpawnProcess-1", "Worker-2:1"; `kind` is the class of the object.
inline std::string record_name(const ProcessRecord& record, std::string_view kind) {
  if (record.name) return *record.name;
  std::string name(kind);
  char separator = '-';
  for (const int number : record.identity) {
    name += separator + std::to_string(number);
    separator = ':';
  }
  return name;
}
inline std::string record_name(const ProcessRecord& record) { return record_name(record, record.kind); }

}  // namespace multiprocessing::detail
