// SPDX-License-Identifier: BSL-1.0
/// \file
/// Package: target and arguments, written down for a process that has no copy of this one's memory.
#pragma once

#include <multiprocessing/detail/connection/passengers.hpp>
#include <multiprocessing/detail/memory/shared_ref.hpp>
#include <multiprocessing/detail/process/code_name.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
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

}  // namespace multiprocessing::detail
