// SPDX-License-Identifier: BSL-1.0
/// \file
/// BufferTooShort: a message was longer than the place for it.
#pragma once

#include <multiprocessing/errors.hpp>
#include <multiprocessing/object/bytes.hpp>

#include <string>
#include <utility>

namespace multiprocessing {

/// Python's `multiprocessing.BufferTooShort`: thrown by `recv_bytes_into`, with the whole message.
class BufferTooShort : public ProcessError {
 public:
  BufferTooShort(const std::string& what, bytes message) : ProcessError(what), message_(std::move(message)) {}

  const bytes& message() const noexcept { return message_; }

 private:
  bytes message_;
};

}  // namespace multiprocessing
