// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/pickle/parser.hpp>

#include "support/catch.hpp"

#include <multiprocessing/object.hpp>
#include <multiprocessing/pickle.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace mp = multiprocessing;
using namespace std::string_literals;

namespace {

std::string text_of(const std::string& message, mp::pickle::LoadsOptions options = {}) {
  return repr_of(mp::pickle::loads(message, options));
}

/// `count` times `part`.
std::string times(std::size_t count, const std::string& part) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += part;
  return all;
}

std::string le32(std::uint32_t number) { return std::string(reinterpret_cast<const char*>(&number), 4); }
std::string le64(std::uint64_t number) { return std::string(reinterpret_cast<const char*>(&number), 8); }

struct Tree {
  std::vector<Tree> branches;
};

}  // namespace

// The messages are by CPython's pickle unless a comment says otherwise.

TEST_CASE("loads: reads protocol 0", "[pickle][parser]") {
  CHECK(text_of("(lp0\nI1\naI01\naF1.5\naVa\\u4e2d\\U0001f600\np1\nag1\naL-99999999999999999999L\naNa.") ==
        "[1, True, 1.5, 'a\u4e2d\U0001f600', 'a\u4e2d\U0001f600', -99999999999999999999, None]");
  CHECK(text_of("(dp0\nVk\np1\n(I1\nI2\ntp2\ns.") == "{'k': (1, 2)}");
  CHECK(text_of("c__builtin__\nset\np0\n((lp1\nI1\natp2\nRp3\n.") == "{1}");
  CHECK(text_of("S'it\\'s \\x41\\n'\n.") == R"("it's A\n")");
  CHECK(text_of("(I1\nimodule\nName\n.") == "module.Name(1)");  // by hand, from the manual
  CHECK(text_of("(lp0\nF-inf\naFnan\naF1e+300\na.") == "[-inf, nan, 1e+300]");
}

TEST_CASE("loads: reads protocols 1 to 5", "[pickle][parser]") {
  CHECK(text_of("]q\x00(K\x01K\xc8M\xe8\x03J\xff\xff\xff\xffG?\xf8\x00\x00\x00\x00\x00\x00X\x01\x00\x00\x00"s +
                "aq\x01h\x01" + "e.") == "[1, 200, 1000, -1, 1.5, 'a', 'a']");
  CHECK(text_of("\x80\x02\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00."s) == "18446744073709551615");
  CHECK(text_of("\x80\x02\x8a\x00."s) == "0");
  CHECK(text_of("\x80\x03\x43\x02\x00\xff."s) == "b'\\x00\\xff'");
  CHECK(text_of("\x80\x02"s + "c_codecs\nencode\nX\x03\x00\x00\x00\x00\xc3\xbfX\x06\x00\x00\x00latin1\x86R."s) ==
        "b'\\x00\\xff'");
  CHECK(text_of("\x80\x04\x95\x09\x00\x00\x00\x00\x00\x00\x00\x8f\x94(K\x01K\x02\x90."s) == "{1, 2}");
  CHECK(text_of("\x80\x04(K\x01K\x02\x91\x94."s) == "frozenset({1, 2})");
  CHECK(text_of("\x80\x05\x96\x02\x00\x00\x00\x00\x00\x00\x00xy\x94."s) == "bytearray(b'xy')");
  CHECK(text_of("\x80\x04\x8c\x08"
                "builtins\x8c\x05slice\x93K\x01K\x02N\x87R."s) == "slice(1, 2, None)");
  CHECK(text_of("\x80\x04\x8c\x06module\x8c\x04Name\x93)}\x8c\x01kK\x01s\x92}\x8c\x01sK\x02sb."s) ==
        "module.Name(k=1, s=2)");
  CHECK(text_of("\x80\x04K\x01K\x02"
                "00K\x03."s) == "K\x03"s.substr(0, 0) + "3");  // by hand: what POP drops
}

TEST_CASE("loads: names of Python 2 become Python 3's", "[pickle][parser]") {
  CHECK(text_of("\x80\x02"
                "cQueue\nEmpty\n)R."s) == "queue.Empty()");
  CHECK(text_of("\x80\x02"
                "c__builtin__\nxrange\n."s) == "<class 'range'>");
  CHECK(text_of("\x80\x02"
                "cexceptions\nStandardError\n."s) == "<class 'Exception'>");
  CHECK(text_of("\x80\x02"
                "cexceptions\nKeyError\n."s) == "<class 'KeyError'>");
  CHECK(text_of("\x80\x03"
                "cQueue\nEmpty\n."s) == "<class 'Queue.Empty'>");
}

TEST_CASE("loads: a broken message is refused at the byte where it breaks", "[pickle][parser]") {
  const auto offset_of = [](const std::string& message) -> std::size_t {
    try {
      mp::pickle::loads(message);
    } catch (const mp::UnpicklingError& error) {
      return error.offset();
    }
    return 999;
  };
  CHECK(offset_of("") == 0);
  CHECK(offset_of("\x80\x04"s) == 2);
  CHECK(offset_of("\x80\x04N"s) == 3);
  CHECK(offset_of("\x80\x06N."s) == 0);
  CHECK(offset_of("\x80\x04NN\xffN."s) == 4);
  CHECK(offset_of("\x80\x04\x8c\x05"
                  "abc."s) == 2);
  CHECK(offset_of("\x80\x04\x8c\x02\xc3\x28."s) == 2);
  CHECK(offset_of("\x80\x04h\x00."s) == 2);
  CHECK(offset_of("\x80\x04]t."s) == 3);
  CHECK(offset_of("\x80\x04(]e."s) == 4);  // the list lies above the mark, nothing below
  CHECK(offset_of("\x80\x04}(K\x01u."s) == 6);
  CHECK(offset_of("\x80\x04}]K\x01s."s) == 2);
  CHECK(offset_of("\x80\x04K\x01K\x02"
                  "a."s) == 6);
  CHECK(offset_of("\x80\x04K\x01)R."s) == 5);
  CHECK(offset_of("\x80\x04]Nb."s) == 4);
}

TEST_CASE("loads: every message that is cut short is refused", "[pickle][parser]") {
  const mp::list value{1,
                       1.5,
                       "text",
                       mp::bytes(std::string(300, 'b')),
                       mp::int_("123456789012345678901234567890"),
                       mp::dict{{"k", mp::tuple{1, 2, 3, 4}}},
                       mp::set{1},
                       mp::frozenset{2},
                       mp::bytearray("x"),
                       mp::instance::with_state(mp::global("m.C"), mp::dict{{"a", 1}}),
                       mp::array('d', mp::bytes(std::string(80, '\0')))};
  for (int protocol = 2; protocol <= 5; ++protocol) {
    const std::string whole(mp::pickle::dumps(value, {.protocol = protocol}).view());
    for (std::size_t size = 0; size < whole.size(); ++size)
      CHECK_THROWS_AS(mp::pickle::loads(whole.substr(0, size)), mp::UnpicklingError);
    CHECK(mp::pickle::loads(whole) == value);
  }
}

TEST_CASE("loads: lengths are checked before anything is reserved", "[pickle][parser]") {
  const std::uint64_t huge = 0xffff'ffff'ffff'ffff;
  for (const std::string& message :
       {"\x80\x04X"s + le32(0xffffffff) + "a.", "\x80\x04\x8d"s + le64(huge) + "a.", "\x80\x04\x8e"s + le64(huge) + ".",
        "\x80\x04\x8e"s + le64(huge / 2) + ".", "\x80\x05\x96"s + le64(huge) + ".",
        "\x80\x04"s + "B" + le32(0xfffffff0) + ".", "\x80\x02\x8b"s + le32(0x7fffffff) + ".",
        "\x80\x02\x8b"s + le32(0xffffffff) + ".", "\x80\x04\x95"s + le64(huge) + "N.",
        "\x80\x02Nr"s + le32(0xffffffff) + "j" + le32(0xfffffffe) + "."}) {
    CHECK_THROWS_AS(mp::pickle::loads(message), mp::UnpicklingError);
  }
  CHECK(text_of("\x80\x02Nr"s + le32(0xffffffff) + "0j" + le32(0xffffffff) + ".") == "None");
}

TEST_CASE("loads: what runs code or lies elsewhere is refused", "[pickle][parser]") {
  CHECK_THROWS_WITH(mp::pickle::loads("Pid\n."), contains("persistent id"));
  CHECK_THROWS_WITH(mp::pickle::loads("\x80\x02NQ."s), contains("persistent id"));
  CHECK_THROWS_WITH(mp::pickle::loads("\x80\x02\x82\x01."s), contains("extension registry"));
  CHECK_THROWS_WITH(mp::pickle::loads("\x80\x05\x97."s), contains("out-of-band"));
  // The classic: nothing is called, it is only described.
  CHECK(text_of("cos\nsystem\n(S'rm -rf /'\ntR.") == "os.system('rm -rf /')");
  CHECK_THROWS_AS(mp::pickle::loads<int>("cbuiltins\nint\n(V1\ntR."s), mp::UnpicklingError);
}

TEST_CASE("loads: what is nested too deeply is refused, however it is read", "[pickle][parser]") {
  const auto nested = [](std::size_t depth) { return "\x80\x04"s + times(depth, "]") + times(depth - 1, "a") + "."; };
  CHECK_NOTHROW(mp::pickle::loads(nested(64)));
  CHECK_THROWS_WITH(mp::pickle::loads(nested(65)), contains("LoadsOptions::depth"));
  CHECK_NOTHROW(mp::pickle::loads(nested(300), {.depth = 300}));
  CHECK_THROWS_AS(mp::pickle::loads(nested(1'000'000)), mp::UnpicklingError);
  const std::string tuples = "\x80\x04N"s + times(1'000'000, "\x85") + ".";
  CHECK_THROWS_AS(mp::pickle::loads(tuples), mp::UnpicklingError);
  const std::string trees = "\x80\x04)"s + times(200, "\x85") + ".";
  CHECK_THROWS_AS(mp::pickle::loads<Tree>(trees), mp::UnpicklingError);
  CHECK_THROWS_AS(mp::pickle::dumps(mp::pickle::loads(nested(65), {.depth = 65})), mp::PicklingError);
}

TEST_CASE("loads: what repeats itself without end is refused", "[pickle][parser]") {
  // Each list holds the one before ten times: 10^20 values in 500 bytes.
  std::string laughs =
      "\x80\x04]\x94K\x01"
      "a";
  for (char level = 0; level < 20; ++level) laughs += "0]\x94(" + times(10, "h"s + level) + "e";
  laughs += '.';
  CHECK_THROWS_AS(mp::pickle::loads<Tree>(laughs), mp::UnpicklingError);
  CHECK(mp::pickle::loads(laughs).size() == 10);  // objects share what the message shares

  // The same with tuples, as a key: to hash it would take as long.
  std::string key = "\x80\x04}K\x01\x85\x94";
  for (char level = 0; level < 30; ++level) key += "0(" + times(10, "h"s + level) + "t\x94";
  key += "Ns.";
  CHECK_THROWS_WITH(mp::pickle::loads(key), contains("too many steps"));

  // A text of 1 MB, a thousand times.
  const std::string texts =
      "\x80\x04]X"s + le32(1'000'000) + std::string(1'000'000, 'x') + "\x94(" + times(1000, "h\0"s) + "ee.";
  CHECK_THROWS_AS(
      mp::pickle::loads<std::vector<std::string>>("\x80\x04]"s + "X" + le32(1'000'000) + std::string(1'000'000, 'x') +
                                                  "\x94" + "a(" + times(1000, "h\0"s) + "e."),
      mp::UnpicklingError);
  CHECK_THROWS_AS(mp::pickle::loads(texts), mp::UnpicklingError);  // and it appends to a text
}

TEST_CASE("loads: budgets can be set", "[pickle][parser]") {
  const mp::bytes numbers = mp::pickle::dumps(mp::list(mp::range(100)));
  CHECK_THROWS_WITH(mp::pickle::loads(numbers, {.values = 100}), contains("LoadsOptions::values"));
  CHECK(mp::pickle::loads(numbers, {.values = 101}).size() == 100);
  const mp::bytes text = mp::pickle::dumps(std::string(100, 'x'));
  CHECK_THROWS_WITH(mp::pickle::loads(text, {.bytes = 99}), contains("LoadsOptions::bytes"));
  CHECK_THROWS_AS(mp::pickle::loads<std::string>(text, {.bytes = 99}), mp::UnpicklingError);
  CHECK(mp::pickle::loads(text, {.bytes = 100}).size() == 100);
}

TEST_CASE("loads: keys that Python cannot hash are refused", "[pickle][parser]") {
  CHECK_THROWS_WITH(mp::pickle::loads("\x80\x04}]Ns."s), contains("unhashable type: 'list'"));
  CHECK_THROWS_AS(mp::pickle::loads("\x80\x04\x8f(}\x90."s), mp::UnpicklingError);
  CHECK(mp::pickle::loads<std::map<int, int>>("\x80\x04}(K\x01K\x02K\x01K\x03u."s) == std::map<int, int>{{1, 3}});
}

TEST_CASE("loads: cycles are read, written and given back", "[pickle][parser]") {
  // CPython's: l = []; l.append(l), d = {}; d[0] = d, t = ([],); t[0].append(t)
  const mp::object list = mp::pickle::loads(
      "\x80\x04]\x94h\x00"
      "a."s);
  CHECK(repr_of(list) == "[[...]]");
  CHECK(list[0].is(list));
  CHECK(mp::pickle::dumps(list).view() ==
        "\x80\x04]\x94(h\x00"
        "e."s);
  CHECK(repr_of(mp::pickle::loads("\x80\x04}\x94K\x00h\x00s."s)) == "{0: {...}}");
  const mp::object tuple = mp::pickle::loads(
      "\x80\x04]\x94h\x00\x85\x94"
      "a0h\x01."s);
  CHECK(repr_of(tuple) == "([(...)],)");
  CHECK(repr_of(mp::pickle::loads(mp::pickle::dumps(tuple))) == "([(...)],)");

  // Once the outer one is gone, the way back leads nowhere.
  mp::object outer = mp::pickle::loads(
      "\x80\x04]\x94]h\x00"
      "aa."s);
  const mp::object inner = outer[0];
  CHECK(inner[0].is(outer));
  outer = mp::None;
  CHECK(repr_of(inner) == "[None]");
}

TEST_CASE("loads: 1000 instances that are alike stay apart as keys", "[pickle][parser]") {
  std::string message = "\x80\x04}(";
  for (int i = 0; i < 1000; ++i) message += "c__main__\nC\n)\x81N";
  const mp::object dict = mp::pickle::loads(message + "u.");
  CHECK(dict.size() == 1000);
  CHECK(mp::pickle::loads(mp::pickle::dumps(dict)).size() == 1000);
}

TEST_CASE("loads: the topmost value can be doubled when the stack is full", "[pickle][parser]") {
  for (std::size_t count = 0; count < 200; ++count) {
    CHECK(mp::pickle::loads("\x80\x04]("s + "N" + times(count, "2") + "e.").size() == count + 1);
  }
}

TEST_CASE("loads: numbers side by side are read as others", "[pickle][parser]") {
  const std::string batch = "K\x01M\x00\x01J\xff\xff\xff\xffG\x3f\xf8\x00\x00\x00\x00\x00\x00N\x88\x89"s;
  const std::string shown = "1, 256, -1, 1.5, None, True, False";
  CHECK(text_of("\x80\x04](" + batch + "e.") == "[" + shown + "]");
  CHECK(text_of("\x80\x04](" + batch + "e(" + batch + "eNa.") == "[" + shown + ", " + shown + ", None]");
  CHECK(text_of("\x80\x04](" + batch + "t.") == "(" + shown + ")");
  CHECK(text_of("\x80\x04]((" + batch + "te.") == "[(" + shown + ")]");
  CHECK(text_of("\x80\x04(](" + batch + "eK\x05t.") == "([" + shown + "], 5)");
  CHECK(text_of("\x80\x02"
                "c__builtin__\nset\n](" +
                batch + "e\x85R.") == "{1, 256, -1, 1.5, None, False}");
  CHECK(text_of("\x80\x02"
                "c__builtin__\ntuple\n](" +
                batch + "e\x85R.") == "(" + shown + ")");
  // The same list twice, of which one then grows.
  CHECK(text_of("\x80\x04]\x94(" + batch + "e0](cbuiltins\nlist\nh\x00\x85Rh\x00Nae."s) ==
        "[[" + shown + "], [" + shown + ", None]]");
  for (const std::size_t count : {4u, 999u, 1000u, 1001u, 5000u}) {
    const auto numbers = mp::pickle::loads<std::vector<int>>("\x80\x04]("s + times(count, "K\x07") + "e(" +
                                                             times(count, "K\x08") + "e.");
    CHECK(numbers.size() == 2 * count);
    CHECK(numbers[count - 1] + numbers[count] == 15);
  }
  CHECK(mp::pickle::loads<std::tuple<int, int, int, int>>("\x80\x04](K\x01K\x02K\x03K\x04"
                                                          "e."s) == std::tuple(1, 2, 3, 4));
  CHECK_THROWS_AS(mp::pickle::loads("\x80\x04](K\x01K\x02K\x03K\x04K"s), mp::UnpicklingError);
  try {
    mp::pickle::loads<std::vector<std::uint8_t>>(
        "\x80\x04](K\x01K\x02K\x03M\x00\x01K\x04"
        "e."s);
    FAIL("256 fits no byte");
  } catch (const mp::UnpicklingError& error) {
    CHECK(error.offset() == 10);
  }
}
