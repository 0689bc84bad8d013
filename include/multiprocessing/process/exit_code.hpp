// SPDX-License-Identifier: BSL-1.0
/// \file
/// ExitCode: how a process ended, if it has.
#pragma once

#include <optional>
#include <ostream>

namespace multiprocessing {

/// The exit code of a process, minus the signal that killed it, or nothing while it runs; Python's `exitcode`.
///
/// Compare it: `p.exitcode() == 0`, `p.exitcode() == std::nullopt`. A child whose status the kernel did not keep
/// (SIGCHLD is ignored, or something else in the program waited for it) has 255.
class ExitCode {
 public:
  using value_type = int;

  constexpr ExitCode() = default;
  constexpr ExitCode(std::nullopt_t) {}
  constexpr ExitCode(std::optional<int> code) : code_(code) {}
  constexpr ExitCode(int code) : code_(code) {}

  explicit operator bool() const = delete;  // it would mean the reverse of Python's: compare with 0 or nullopt

  constexpr bool has_value() const { return code_.has_value(); }
  constexpr int value() const { return code_.value(); }
  constexpr int value_or(int other) const { return code_.value_or(other); }
  constexpr int operator*() const { return *code_; }

  friend constexpr bool operator==(ExitCode, ExitCode) = default;

  /// Python's text: `0`, `-15`, `None`.
  friend std::ostream& operator<<(std::ostream& out, ExitCode code) {
    return code.has_value() ? out << *code : out << "None";
  }

 private:
  std::optional<int> code_;
};

}  // namespace multiprocessing
