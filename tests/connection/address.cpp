// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/connection/address.hpp>

#include <multiprocessing/errors.hpp>

#include "support/catch.hpp"

#include <sstream>
#include <string>
#include <utility>

namespace mp = multiprocessing;
using namespace std::string_literals;

namespace {

std::string text_of(const mp::Address& address) {
  std::ostringstream out;
  out << address;
  return out.str();
}

}  // namespace

TEST_CASE("Address: a host and a port, a path, or an abstract name", "[connection][address]") {
  const mp::Address tcp("localhost", 6000);
  CHECK(tcp.family() == "AF_INET");
  CHECK(tcp.host() == "localhost");
  CHECK(tcp.port() == 6000);
  CHECK(tcp == mp::Address(std::pair("localhost"s, 6000)));
  CHECK_THROWS_AS(tcp.path(), mp::ValueError);

  const mp::Address path("/tmp/socket");
  CHECK(path.family() == "AF_UNIX");
  CHECK(path.path() == "/tmp/socket");
  CHECK(path == mp::Address("/tmp/socket"s));
  const char* const pointer = "/tmp/socket";
  CHECK(path == mp::Address(pointer));
  CHECK_FALSE(path.is_abstract());
  CHECK_THROWS_AS(path.host(), mp::ValueError);
  CHECK_THROWS_AS(path.port(), mp::ValueError);

  const mp::Address abstract("\0name");
  CHECK(abstract.is_abstract());
  CHECK(abstract.path() == "\0name"s);
  CHECK(abstract != mp::Address("name"));
  CHECK(mp::Address().empty());
}

TEST_CASE("Address: its text is Python's repr", "[connection][address]") {
  CHECK(text_of(mp::Address("127.0.0.1", 6000)) == "('127.0.0.1', 6000)");
  CHECK(text_of("/tmp/it's") == "\"/tmp/it's\"");
  CHECK(text_of("\0a\xff") == "b'\\x00a\\xff'");
}

TEST_CASE("Address: what cannot be one is refused", "[connection][address]") {
  CHECK_THROWS_AS(mp::Address("host", 65536), mp::ValueError);
  CHECK_THROWS_AS(mp::Address("host", -1), mp::ValueError);
  CHECK_THROWS_AS(mp::Address("/tmp/a\0b"s), mp::ValueError);
}
