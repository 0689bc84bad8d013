// SPDX-License-Identifier: BSL-1.0
/// \file
/// Package: target and arguments, written down for a process that has no copy of this one's memory.
#pragma once

#include <multiprocessing/detail/connection/passengers.hpp>
#include <multiprocessing/detail/memory/shared_ref.hpp>
#include <multiprocessing/detail/process/code_name.hpp>
#include <multiprocessing/detail/runtime/report.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

class Work;

/// Makes the work of a new process from what it was sent.
using Unpack = std::unique_ptr<Work> (*)(std::string_view message);

/// The work of a process, as bytes; and the descriptors that go along, which are those of the objects it was made of.
class Package {
 public:
  Package() { sending_to_child = true; }
  Package(const Package&) = delete;
  Package& operator=(const Package&) = delete;
  ~Package() { sending_to_child = false; }

  void pack(Unpack by, std::string message) {
    unpack_ = CodeName::of(reinterpret_cast<std::uintptr_t>(by));
    message_ = std::move(message);
  }

  const CodeName& unpack() const { return unpack_; }
  std::string_view message() const { return message_; }
  const std::vector<int>& descriptors() const { return passengers_.leaving(); }

 private:
  Passengers passengers_;
  CodeName unpack_;
  std::string message_;
};

/// Throws the PicklingError that says what can't be sent: the target, which is number 0, or an argument.
[[noreturn]] inline void refuse_to_carry(std::size_t number, const std::type_info& type, const std::string& why = {}) {
  const std::string name = qualified_name(type);
  const bool is_lambda = name.ends_with('}') || name.find("{lambda(") != name.npos ||          // as g++ calls it
                         name.find("'lambda") != name.npos || name.find("$_") != name.npos;  // as clang does
  std::string text = "start: ";
  text += number == 0 ? "the target" : "argument " + std::to_string(number);
  text += ", of type " + name + ", can't be sent to a process that is started anew";
  if (!why.empty()) throw PicklingError(text + ": " + why);
  text += is_lambda ? ": a lambda with captures has no form outside this process; let it capture nothing and pass the rest as "
                      "arguments, or use the start method 'fork'"
                    : ": it can't be pickled; send what it consists of, describe the class, give it a serialize() function (see "
                      "docs/pickle.md), or use the start method 'fork'";
  throw PicklingError(text);
}

}  // namespace multiprocessing::detail
