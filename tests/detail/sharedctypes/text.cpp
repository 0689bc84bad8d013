// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/sharedctypes/text.hpp>

#include "support/catch.hpp"

#include <cstdint>

using multiprocessing::detail::ctypes_text;

TEST_CASE("Numbers have the names that ctypes gives them", "[sharedctypes][text]") {
  CHECK(ctypes_text(true) == "c_bool(True)");
  CHECK(ctypes_text('\0') == "c_char(b'\\x00')");
  CHECK(ctypes_text(L'a') == "c_wchar('a')");
  CHECK(ctypes_text(std::int8_t{-1}) == "c_byte(-1)");
  CHECK(ctypes_text(std::uint8_t{1}) == "c_ubyte(1)");
  CHECK(ctypes_text(short{1}) == "c_short(1)");
  CHECK(ctypes_text(std::uint16_t{1}) == "c_ushort(1)");
  CHECK(ctypes_text(1) == "c_int(1)");
  CHECK(ctypes_text(1u) == "c_uint(1)");
  CHECK(ctypes_text(1l) == "c_long(1)");
  CHECK(ctypes_text(1ul) == "c_ulong(1)");
  CHECK(ctypes_text(1ll) == "c_long(1)");
  CHECK(ctypes_text(1ull) == "c_ulong(1)");
  CHECK(ctypes_text(1.0f) == "c_float(1.0)");
  CHECK(ctypes_text(0.0) == "c_double(0.0)");
  CHECK(ctypes_text(1.5l) == "c_longdouble(1.5)");
  CHECK(ctypes_text(u8'a') == "'a'");
}
