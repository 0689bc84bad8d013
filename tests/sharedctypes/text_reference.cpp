// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/sharedctypes/text_reference.hpp>

#include <multiprocessing/sharedctypes/array.hpp>
#include <multiprocessing/text.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <unistd.h>

#include <csignal>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
using namespace std::string_literals;

namespace {

template <class Array>
concept has_text = requires(const Array& a) {
  a.value;
  a.raw;
};

}  // namespace

TEMPLATE_TEST_CASE("value is the text before the first NUL, raw all bytes", "[sharedctypes][text_reference]",
                   mp::Array<char>, mp::RawArray<char>) {
  const TestType text("hello");
  CHECK(text.size() == 5);
  CHECK(text.value == "hello");
  CHECK(text.raw == "hello");
  text.value = "abc";  // ended by a NUL, as in Python
  CHECK(text.raw.get() == "abc\0o"s);
  CHECK(text.value == "abc"s);
  text.raw = "xy";  // the first two bytes only
  CHECK(text.raw.get() == "xyc\0o"s);
  text.value = "12345";
  CHECK(text.value.get() == "12345");
  text.value = "";
  CHECK(text.value == "");
  CHECK(text.raw.get() == "\0002345"s);
  text.raw = "a\0b"s;
  CHECK(text.value == "a");
  CHECK_THROWS_WITH(text.value = "123456", contains("byte string too long"));
  CHECK_THROWS_AS(text.raw = "123456", mp::ValueError);
  CHECK(text.raw.get() == "a\0b45"s);
  const std::string copied = text.value;
  CHECK(copied == "a");
}

TEMPLATE_TEST_CASE("An array of char is made of text, or of a size", "[sharedctypes][text_reference]", mp::Array<char>,
                   mp::RawArray<char>) {
  CHECK(TestType(std::string("abc")).raw == "abc");
  CHECK(TestType(std::string_view("abc")).raw == "abc");
  const char* const pointer = "abc";
  CHECK(TestType(pointer).raw == "abc");
  CHECK(TestType{'a', 'b'}.raw == "ab");
  CHECK(TestType(std::vector<char>{'a', 'b'}).raw == "ab");
  CHECK(TestType(3).raw.get() == "\0\0\0"s);
  CHECK(TestType("").value == "");
  STATIC_REQUIRE_FALSE(has_text<mp::Array<int>>);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<decltype(TestType::value)>);
}

TEMPLATE_TEST_CASE("The texts of copied handles are those of their arrays", "[sharedctypes][text_reference]",
                   mp::Array<char>, mp::RawArray<char>) {
  TestType a("one"), b("two");
  TestType copy = a;
  a.value = "1";
  CHECK(copy.value == "1");
  copy = b;
  copy.value = a.value;
  CHECK(b.value == "1");
  CHECK(a.value == b.value);
  CHECK(b.raw.get() == "1\0o"s);
  TestType moved(std::move(copy));
  moved.value = "2";
  CHECK(b.value == "2");
  CHECK(a.value == "1");
  CHECK(in_child([&] { a.value = "kid"; }) == 0);
  CHECK(a.value == "kid");
}

TEST_CASE("Text is printed as text", "[sharedctypes][text_reference]") {
  const mp::Array<char> text("hi");
  std::ostringstream out;
  mp::print({.file = &out}, text.value, text.raw);
  out << text.value;
  CHECK(out.str() == "hi hi\nhi");
  CHECK(mp::repr(text.value) == "'hi'");
}

TEST_CASE("Text is read and written under the lock", "[sharedctypes][text_reference]") {
  const mp::Lock lock;
  const mp::Array<char> text("hello", lock);
  lock.acquire();
  CHECK(in_child([&] {
          ::alarm(1);
          text.value = "never";
        }) == 128 + SIGALRM);
  lock.release();
  CHECK(text.value == "hello");
}
