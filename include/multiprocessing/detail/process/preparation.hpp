// SPDX-License-Identifier: BSL-1.0
/// \file
/// Preparation: what a process that is started anew has to know before it does its work.
#pragma once

#include <multiprocessing/detail/memory/identity.hpp>
#include <multiprocessing/detail/os/start_program.hpp>
#include <multiprocessing/detail/process/code_name.hpp>
#include <multiprocessing/detail/process/package.hpp>
#include <multiprocessing/detail/process/parcel.hpp>
#include <multiprocessing/detail/process/settings.hpp>
#include <multiprocessing/detail/runtime/process_record.hpp>
#include <multiprocessing/detail/runtime/runtime.hpp>
#include <multiprocessing/logging.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace multiprocessing::detail {

/// Python's "preparation data".
struct Preparation {
  CodeName unpack;  // an Unpack
  std::uint32_t slot = 0;
  std::optional<std::string> name;
  std::string kind;
  std::vector<int> identity;
  bool daemon = false;
  bool outlive_parent = false;
  std::string authkey;
  std::string parent_name;
  pid_t parent_pid = 0;
  int log_level = 0;
  bool log_to_stderr = false;
  std::string working_directory;
  std::string start_method;
  std::optional<std::string> executable;
  std::vector<CodeName> preloads;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(unpack, slot, name, kind, identity, daemon, outlive_parent, authkey, parent_name, parent_pid, log_level, log_to_stderr,
            working_directory, start_method, executable, preloads);
  }

  /// What the process of `record` is to know; with `slot` in the arena, started by `method`.
  static Preparation of(const ProcessRecord& record, const Package& package, std::uint32_t slot, std::string_view method) {
    Preparation data;
    data.unpack = package.unpack();
    data.slot = slot;
    data.log_level = get_logger().getEffectiveLevel();
    data.log_to_stderr = get_logger().writesToStderr();
    data.working_directory = detail::working_directory();
    const RuntimeAccess access;
    data.name = record.name;
    data.kind = record.kind;
    data.identity = record.identity;
    data.daemon = record.daemon;
    data.outlive_parent = record.outlive_parent;
    if (record.authkey) data.authkey = *record.authkey;
    data.parent_name = record_name(*access->self);
    data.parent_pid = access->pid;
    data.start_method = method;
    data.executable = start_settings().executable;
    data.preloads = start_settings().preloads;
    return data;
  }

  /// In the new process: heeds all of it; returns what it is known by.
  std::shared_ptr<ProcessRecord> apply() const {
    registration::expected_child = slot;
    get_logger().setLevel(log_level);
    if (log_to_stderr) multiprocessing::log_to_stderr();
    auto record = std::make_shared<ProcessRecord>();
    record->name = name;
    record->kind = kind;
    record->identity = identity;
    record->daemon = daemon;
    record->outlive_parent = outlive_parent;
    record->authkey = std::make_shared<const std::string>(authkey);
    record->creator = parent_pid;
    const RuntimeAccess access;
    access->self = std::make_shared<ProcessRecord>();  // its parent, as become() takes it
    access->self->name = parent_name;
    access->self->progress = ProcessRecord::Progress::started;
    start_settings().method = start_method;
    start_settings().executable = executable;
    start_settings().preloads = preloads;
    return record;
  }
};

}  // namespace multiprocessing::detail
