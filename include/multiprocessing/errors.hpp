// SPDX-License-Identifier: BSL-1.0
/// \file
/// The exceptions of the library: Python's names in Python's hierarchy, each also the nearest standard exception.
#pragma once

#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace multiprocessing {

/// What every exception of this library also is, whatever its standard base: catch this to catch them all.
class Exception {
 public:
  virtual const char* what() const noexcept = 0;

 protected:
  Exception() = default;
  Exception(const Exception&) = default;
  Exception& operator=(const Exception&) = default;
  ~Exception() = default;
};

namespace detail {

/// Joins a standard exception with the mixin, so that `what()` means one thing through either base.
template <class Base>
class error : public Base, public Exception {
 public:
  using Base::Base;
  const char* what() const noexcept override { return Base::what(); }
};

}  // namespace detail

/// Python's `RuntimeError`.
struct RuntimeError : detail::error<std::runtime_error> { using error::error; };
/// Python's `NotImplementedError`.
struct NotImplementedError : RuntimeError { using RuntimeError::RuntimeError; };
/// Python's `RecursionError`: nested too deeply; most likely something holds itself.
struct RecursionError : RuntimeError { using RuntimeError::RuntimeError; };
/// Python's `ValueError`: an argument has the right type but a value that makes no sense.
struct ValueError : detail::error<std::invalid_argument> { using error::error; };
/// Python's `TypeError`.
struct TypeError : detail::error<std::invalid_argument> { using error::error; };
/// Python's `AssertionError`: the call is not allowed in this state or from this process.
struct AssertionError : detail::error<std::logic_error> { using error::error; };
/// Python's `LookupError`.
struct LookupError : detail::error<std::out_of_range> { using error::error; };
/// Python's `IndexError`.
struct IndexError : LookupError { using LookupError::LookupError; };
/// Python's `KeyError`.
struct KeyError : LookupError { using LookupError::LookupError; };
/// Python's `EOFError`: the other end was closed and nothing is left to read.
struct EOFError : detail::error<std::runtime_error> { using error::error; };

/// Python's `OSError`: the kernel refused; `code()` is the reason.
struct OSError : detail::error<std::system_error> { using error::error; };
/// Python's `BrokenPipeError`: the reader is gone.
struct BrokenPipeError : OSError { using OSError::OSError; };
/// Python's `PermissionError`.
struct PermissionError : OSError { using OSError::OSError; };
/// Python's `FileExistsError`.
struct FileExistsError : OSError { using OSError::OSError; };
/// Python's `FileNotFoundError`.
struct FileNotFoundError : OSError { using OSError::OSError; };
/// Python's `ConnectionRefusedError`.
struct ConnectionRefusedError : OSError { using OSError::OSError; };

/// Python's `multiprocessing.ProcessError`, the base of the package's own errors.
struct ProcessError : detail::error<std::runtime_error> { using error::error; };
/// Python's `multiprocessing.TimeoutError`.
struct TimeoutError : ProcessError { using ProcessError::ProcessError; };
/// Python's `multiprocessing.AuthenticationError`.
struct AuthenticationError : ProcessError { using ProcessError::ProcessError; };

/// Python's `MemoryError`; a `std::bad_alloc` that says why.
class MemoryError : public std::bad_alloc, public Exception {
 public:
  explicit MemoryError(std::string message) : message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.what(); }

 private:
  std::runtime_error message_;  // shares its text, so that copying never throws
};

/// The arena has no room left for what was asked; the message gives both figures.
struct ArenaFull : MemoryError { using MemoryError::MemoryError; };
/// The arena's own records contradict themselves, or a pointer that it never handed out was freed. Nothing in it can be trusted.
struct CorruptArena : RuntimeError { using RuntimeError::RuntimeError; };
/// The arena was laid out by another version of the library, or by a build with other types.
struct VersionMismatch : RuntimeError { using RuntimeError::RuntimeError; };
/// A handle outlived the object that it stood for.
struct StaleHandle : RuntimeError { using RuntimeError::RuntimeError; };

/// Python's `SystemExit`: thrown in a process to end it with this code. Derives from no other exception, so that
/// `catch (const std::exception&)` lets it pass.
class SystemExit {
 public:
  explicit SystemExit(int code = 0) : code_(code) {}
  /// Ends with code 1 after printing `message` on stderr.
  explicit SystemExit(std::string message) : code_(1), message_(std::move(message)) {}

  int code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }

 private:
  int code_;
  std::string message_;
};

}  // namespace multiprocessing
