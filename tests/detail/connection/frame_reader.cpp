// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/connection/frame_reader.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

namespace mp = multiprocessing;
using mp::detail::FrameHeader;
using mp::detail::FrameReader;

namespace {

/// Puts what fits of `stream` into the reader, at most `step` bytes at a time; returns how much it took.
std::size_t feed(FrameReader& reader, std::string_view stream, std::size_t step) {
  std::size_t taken = 0;
  while (taken < stream.size() && !reader.room().empty()) {
    const std::size_t count = std::min({step, reader.room().size(), stream.size() - taken});
    std::memcpy(reader.room().data(), stream.data() + taken, count);
    reader.got(count);
    taken += count;
  }
  return taken;
}

}  // namespace

TEST_CASE("FrameHeader: up to 2 GiB four bytes, beyond it the escape and eight, as in Python", "[connection][frame]") {
  using namespace std::string_literals;
  CHECK(FrameHeader(0).view() == "\0\0\0\0"s);
  CHECK(FrameHeader(0x01020304).view() == "\1\2\3\4"s);
  CHECK(FrameHeader(0x7fffffff).view() == "\x7f\xff\xff\xff"s);
  CHECK(FrameHeader(0x80000000).view() == "\xff\xff\xff\xff\0\0\0\0\x80\0\0\0"s);
}

TEST_CASE("FrameReader: messages come out whole, however the stream is cut", "[connection][frame]") {
  std::string stream;
  const std::size_t sizes[] = {0, 1, 511, 512, 513, 70000, 3'000'000};
  for (const std::size_t size : sizes)
    stream += mp::detail::framed(std::string(size, static_cast<char>('a' + size % 26)));
  const std::size_t step = GENERATE(1u, 3u, 4u, 5u, 4096u, 10'000'000u);
  CAPTURE(step);

  FrameReader reader;
  std::string_view rest = stream;
  for (const std::size_t size : sizes) {
    rest.remove_prefix(feed(reader, rest, step));
    REQUIRE(reader.complete());
    const std::string expected(size, static_cast<char>('a' + size % 26));
    CHECK((reader.view() == expected));
    const mp::bytes taken = reader.take();
    CHECK((taken.view() == expected));
    CHECK_FALSE(reader.begun());
  }
  CHECK(rest.empty());
}

TEST_CASE("FrameReader: the long form of a short length is read as well", "[connection][frame]") {
  FrameReader reader;
  const std::string stream = std::string("\xff\xff\xff\xff\0\0\0\0\0\0\0\2", 12) + "ok";
  CHECK(feed(reader, stream, 1) == stream.size());
  CHECK(reader.view() == "ok");
}

TEST_CASE("FrameReader: what cannot be a length is broken, and takes no room", "[connection][frame]") {
  const auto stream =
      GENERATE(std::string("\xff\xff\xff\xfe", 4), std::string("\x80\0\0\0", 4), std::string(12, '\xff'));
  FrameReader reader;
  CHECK(feed(reader, stream, 1) == stream.size());
  CHECK(reader.broken());
  CHECK(reader.room().empty());
}

TEST_CASE("FrameReader: room grows with what came, not with what was announced", "[connection][frame]") {
  FrameReader reader;
  feed(reader, FrameHeader(std::uint64_t{1} << 60).view(), 12);
  REQUIRE(reader.measured());
  std::size_t got = 0;
  while (got < 20'000'000) {
    const auto room = reader.room();
    CHECK(room.size() <= std::max<std::size_t>(got, std::size_t{1} << 20));
    reader.got(room.size());
    got += room.size();
  }
  CHECK_FALSE(reader.complete());
}

TEST_CASE("FrameReader: a diverted message goes straight to its target", "[connection][frame]") {
  FrameReader reader;
  const std::string message(2000, 'x');
  const std::string stream = mp::detail::framed(message);
  feed(reader, std::string_view(stream).substr(0, 4), 4);
  std::string target(2000, ' ');
  reader.divert(reinterpret_cast<std::byte*>(target.data()));
  feed(reader, std::string_view(stream).substr(4), 100);
  CHECK(reader.complete());
  CHECK(target == message);
}

TEST_CASE("FrameReader: a receiver may give up a diverted message and go on elsewhere", "[connection][frame]") {
  const std::size_t size = GENERATE(300u, 3000u, 5'000'000u);
  FrameReader reader;
  const std::string message(size, 'y');
  const std::string stream = mp::detail::framed(message);
  feed(reader, std::string_view(stream).substr(0, 4), 4);
  std::string first(size, ' ');
  reader.divert(reinterpret_cast<std::byte*>(first.data()));
  std::size_t at = 4 + feed(reader, std::string_view(stream).substr(4, size / 2), 1000);
  reader.keep();
  first.assign(size, '-');
  CHECK(reader.begun());
  std::string second(size, ' ');
  reader.divert(reinterpret_cast<std::byte*>(second.data()));
  at += feed(reader, std::string_view(stream).substr(at), 1000);
  CHECK(at == stream.size());
  CHECK((second == message));
}
