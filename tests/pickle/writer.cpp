// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/pickle/writer.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

using multiprocessing::detail::GrowingBytes;

TEST_CASE("GrowingBytes: what is large stays where it is when a little follows", "[pickle][writer]") {
  // Behind each message a block that is in the way, so that more room would be elsewhere.
  std::vector<std::unique_ptr<char[]>> walls;
  std::vector<std::unique_ptr<GrowingBytes>> messages;
  for (std::size_t size = 1000; size < 100'000; size += 1000) {
    GrowingBytes& message = *messages.emplace_back(std::make_unique<GrowingBytes>());
    message.add(100);
    const char* const large = message.add(size);
    walls.push_back(std::make_unique<char[]>(64));
    CHECK(message.add(3) == large + size);
  }
}

TEST_CASE("GrowingBytes: what was written comes out", "[pickle][writer]") {
  GrowingBytes message;
  std::string written;
  for (std::size_t size = 1; size < 5000; size += size / 2 + 1) {
    const std::string part(size, static_cast<char>('a' + size % 26));
    part.copy(message.add(size), size);
    written += part;
  }
  CHECK(message.size() == written.size());
  CHECK(message.take().view() == written);
}
