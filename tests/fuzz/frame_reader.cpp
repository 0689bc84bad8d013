// SPDX-License-Identifier: BSL-1.0
/// \file
/// libFuzzer on the frame reader: however a stream is cut, and whatever announces its lengths, the messages are the
/// same as those of a plain reading of the whole; and memory stays in proportion to what came.
#include "sanitizer.hpp"

#include <multiprocessing/detail/connection/frame_reader.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace mp = multiprocessing;
using mp::detail::FrameReader;

namespace {

/// So little that memory grows several times within an input.
constexpr std::size_t first_block = 600;

void require(bool condition) {
  if (!condition) std::abort();
}

/// The messages that a stream holds, read the plain way; up to its end or the first length that is none.
std::vector<std::string_view> plain_reading(std::string_view stream) {
  const auto number = [](std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
  };
  std::vector<std::string_view> messages;
  while (stream.size() >= 4) {
    std::uint64_t size = number(stream.substr(0, 4));
    stream.remove_prefix(4);
    if (size == 0xffff'ffff) {
      if (stream.size() < 8) break;
      size = number(stream.substr(0, 8));
      stream.remove_prefix(8);
    } else if (size > 0x7fff'ffff) {
      break;
    }
    if (size > stream.size()) break;
    messages.push_back(stream.substr(0, size));
    stream.remove_prefix(size);
  }
  return messages;
}

/// How the stream is cut, and what the receiver does: a byte each, in a circle.
class Script {
 public:
  explicit Script(std::string_view bytes) : bytes_(bytes) {}
  std::size_t next() {
    if (bytes_.empty()) return 0;
    return static_cast<unsigned char>(bytes_[at_++ % bytes_.size()]);
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t script_size =
      input.empty() ? 0 : std::min<std::size_t>(input.size() - 1, static_cast<unsigned char>(input[0]) % 16);
  Script script(input.substr(std::min<std::size_t>(input.size(), 1), script_size));
  std::string_view stream = input.substr(std::min(input.size(), 1 + script_size));
  const auto expected = plain_reading(stream);

  FrameReader reader(first_block);
  std::vector<std::byte> target;
  std::size_t read = 0;
  while (true) {
    if (reader.complete()) {
      require(read < expected.size());
      if (target.empty()) {
        require(reader.view() == expected[read]);
        if (script.next() % 2 == 0) require(reader.take().view() == expected[read]);
      } else {
        require(std::memcmp(target.data(), expected[read].data(), expected[read].size()) == 0);
      }
      reader.forget();
      target.clear();
      ++read;
      continue;
    }
    const std::size_t choice = script.next();
    if (choice % 8 == 1 && reader.measured() && target.empty() && !reader.broken() &&
        reader.size() <= stream.size() + 100'000) {
      target.assign(static_cast<std::size_t>(reader.size()) + 1, std::byte{});
      reader.divert(target.data());
    } else if (choice % 8 == 2 && !target.empty()) {
      reader.keep();
      target.clear();
    }
    const auto room = reader.room();
    if (room.empty() && !reader.complete()) break;  // broken
    if (stream.empty()) break;
    require(target.empty() == false || room.size() <= std::max(first_block, 2 * size));
    const std::size_t count = std::min({room.size(), stream.size(), choice / 8 + 1});
    std::memcpy(room.data(), stream.data(), count);
    reader.got(count);
    stream.remove_prefix(count);
  }
  require(read == expected.size());
  return 0;
}
