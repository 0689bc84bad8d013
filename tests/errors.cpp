// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/errors.hpp>

#include "support/catch.hpp"

#include <cerrno>
#include <concepts>
#include <string>
#include <system_error>
#include <type_traits>

namespace mp = multiprocessing;

namespace {

template <class T, class... Bases>
constexpr bool is_a = (std::derived_from<T, Bases> && ...);

}  // namespace

TEST_CASE("errors: each has Python's base and the nearest standard one", "[errors]") {
  STATIC_REQUIRE(is_a<mp::RuntimeError, std::runtime_error, mp::Exception>);
  STATIC_REQUIRE(is_a<mp::NotImplementedError, mp::RuntimeError>);
  STATIC_REQUIRE(is_a<mp::ValueError, std::invalid_argument, mp::Exception>);
  STATIC_REQUIRE(is_a<mp::TypeError, std::invalid_argument, mp::Exception>);
  STATIC_REQUIRE(is_a<mp::AssertionError, std::logic_error, mp::Exception>);
  STATIC_REQUIRE(is_a<mp::IndexError, mp::LookupError, std::out_of_range>);
  STATIC_REQUIRE(is_a<mp::KeyError, mp::LookupError, std::out_of_range>);
  STATIC_REQUIRE(is_a<mp::EOFError, std::runtime_error, mp::Exception>);
  STATIC_REQUIRE(is_a<mp::BrokenPipeError, mp::OSError, std::system_error>);
  STATIC_REQUIRE(is_a<mp::PermissionError, mp::OSError>);
  STATIC_REQUIRE(is_a<mp::FileExistsError, mp::OSError>);
  STATIC_REQUIRE(is_a<mp::FileNotFoundError, mp::OSError>);
  STATIC_REQUIRE(is_a<mp::ConnectionRefusedError, mp::OSError>);
  STATIC_REQUIRE(is_a<mp::TimeoutError, mp::ProcessError, std::runtime_error, mp::Exception>);
  STATIC_REQUIRE(is_a<mp::AuthenticationError, mp::ProcessError>);
  STATIC_REQUIRE(is_a<mp::ArenaFull, mp::MemoryError, std::bad_alloc, mp::Exception>);
  STATIC_REQUIRE(is_a<mp::CorruptArena, mp::RuntimeError>);
  STATIC_REQUIRE(is_a<mp::VersionMismatch, mp::RuntimeError>);
  STATIC_REQUIRE(is_a<mp::StaleHandle, mp::RuntimeError>);
  STATIC_REQUIRE_FALSE(std::derived_from<mp::TimeoutError, mp::OSError>);
}

TEST_CASE("errors: what() says the same through every base", "[errors]") {
  const mp::KeyError key("no such key: 7");
  CHECK(std::string(key.what()) == "no such key: 7");
  CHECK(std::string(static_cast<const mp::Exception&>(key).what()) == "no such key: 7");
  CHECK(std::string(static_cast<const std::exception&>(key).what()) == "no such key: 7");

  const mp::ArenaFull full("asked for 9, 8 left");
  CHECK(std::string(static_cast<const mp::Exception&>(full).what()) == "asked for 9, 8 left");
  CHECK(std::string(static_cast<const std::bad_alloc&>(full).what()) == "asked for 9, 8 left");
}

TEST_CASE("errors: each is caught as mp::Exception and as std::exception", "[errors]") {
  const auto caught_by = [](auto error) {
    int caught = 0;
    try {
      throw error;
    } catch (const mp::Exception&) {
      ++caught;
    }
    try {
      throw error;
    } catch (const std::exception&) {
      ++caught;
    }
    return caught;
  };
  CHECK(caught_by(mp::IndexError("")) == 2);
  CHECK(caught_by(mp::TimeoutError("")) == 2);
  CHECK(caught_by(mp::ArenaFull("")) == 2);
  CHECK(caught_by(mp::OSError(std::make_error_code(std::errc::io_error), "")) == 2);
}

TEST_CASE("errors: OSError keeps the kernel's reason", "[errors]") {
  const mp::FileNotFoundError error(std::error_code(ENOENT, std::generic_category()), "open: nothing");
  CHECK(error.code() == std::errc::no_such_file_or_directory);
  CHECK_THAT(error.what(), contains("open: nothing") && contains("No such file"));
}

TEST_CASE("errors: a copy of MemoryError does not throw", "[errors]") {
  STATIC_REQUIRE(std::is_nothrow_copy_constructible_v<mp::MemoryError>);
  const mp::MemoryError first("a text too long for any small string optimisation to hold");
  const mp::MemoryError second = first;
  CHECK(std::string(second.what()) == first.what());
}

TEST_CASE("errors: SystemExit passes a handler of all exceptions", "[errors]") {
  STATIC_REQUIRE_FALSE(std::derived_from<mp::SystemExit, std::exception>);
  STATIC_REQUIRE_FALSE(std::derived_from<mp::SystemExit, mp::Exception>);
  CHECK(mp::SystemExit().code() == 0);
  CHECK(mp::SystemExit(3).code() == 3);
  CHECK(mp::SystemExit(3).message().empty());
  CHECK(mp::SystemExit("why").code() == 1);
  CHECK(mp::SystemExit("why").message() == "why");
}
