// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/object/int.hpp>

#include "support/catch.hpp"

#include <multiprocessing/object.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace mp = multiprocessing;

TEST_CASE("int_: reads and shows digits of any length", "[object][int]") {
  for (const std::string digits :
       {"0", "-1", "127", "-128", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
        "-9223372036854775809", "18446744073709551615", "18446744073709551616",
        "340282366920938463463374607431768211456", "-1000000000000000000000000000000000000000000",
        "999999999999999999000000000000000000000000001"}) {
    CAPTURE(digits);
    CHECK(repr_of(mp::int_(digits)) == digits);
    CHECK(mp::pickle::loads<mp::int_>(mp::pickle::dumps(mp::int_(digits))) == mp::int_(digits));
    CHECK(mp::int_::from_bytes(mp::int_(digits).to_bytes()) == mp::int_(digits));
  }
  CHECK(mp::int_("+007") == mp::int_(7));
  for (const std::string wrong : {"", "-", "1.5", "0x10", "1 ", "\u0661"})
    CHECK_THROWS_AS(mp::int_(wrong), mp::ValueError);
}

TEST_CASE("int_: is ordered, whatever the size", "[object][int]") {
  const std::vector<mp::int_> ordered{mp::int_("-99999999999999999999999"),
                                      mp::int_("-9223372036854775809"),
                                      mp::int_(std::numeric_limits<std::int64_t>::min()),
                                      mp::int_(-256),
                                      mp::int_(-255),
                                      mp::int_(-1),
                                      mp::int_(0),
                                      mp::int_(1),
                                      mp::int_(255),
                                      mp::int_(256),
                                      mp::int_(65535),
                                      mp::int_("9223372036854775808"),
                                      mp::int_("99999999999999999999999")};
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (std::size_t j = 0; j < ordered.size(); ++j) CHECK(((ordered[i] <=> ordered[j]) == (i <=> j)));
  }
}

TEST_CASE("int_: becomes the nearest double, ties to even", "[object][int]") {
  CHECK(mp::int_("9007199254740993").to_double() == 9007199254740992.0);
  CHECK(mp::int_("9007199254740995").to_double() == 9007199254740996.0);
  CHECK(mp::int_("-36893488147419107329").to_double() ==
        -36893488147419111424.0);  // 2**65 + 2**12 + 1: the last bit decides
  CHECK(mp::int_("36893488147419107328").to_double() == 36893488147419103232.0);  // without it, the even one
  CHECK(std::isinf(mp::int_("1" + std::string(400, '0')).to_double()));
  CHECK(mp::object(mp::int_("1" + std::string(30, '0'))).to<double>() == 1e30);
}

TEST_CASE("int_: is written in hexadecimal where decimal would take too long", "[object][int]") {
  const auto huge = mp::int_::from_bytes(std::string(10'000, '\x11'));
  const std::string text = repr_of(huge);
  CHECK(text.substr(0, 6) == "0x1111");
  CHECK(text.size() == 2 + 20'000);
  CHECK(repr_of(mp::int_::from_bytes(std::string(10'000, '\0') + "\xff")) == "-0x1" + std::string(20'000, '0'));
}

TEST_CASE("int_: bytes are as few as can be", "[object][int]") {
  CHECK(mp::int_(0).to_bytes().empty());
  CHECK(mp::int_(-1).to_bytes() == "\xff");
  CHECK(mp::int_(128).to_bytes() == std::string("\x80\0", 2));
  CHECK(mp::int_(-128).to_bytes() == "\x80");
  CHECK(mp::int_::from_bytes(std::string("\1\0\0\0\0\0\0\0\0\0\0\0", 12)) == mp::int_(1));
}
