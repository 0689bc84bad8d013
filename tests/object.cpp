// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/object.hpp>

#include "support/catch.hpp"

#include <multiprocessing/text.hpp>

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace mp = multiprocessing;

TEST_CASE("object: scalars and strings become objects by themselves", "[object]") {
  const mp::object none, also_none = nullptr, third = std::nullopt, yes = true, number = -5, real = 1.5, text = "abc",
                         letter = 'x';

  CHECK((none.is_none() && also_none.is_none() && third.is_none()));
  CHECK(yes.type_name() == "bool");
  CHECK(number.type_name() == "int");
  CHECK(real.type_name() == "float");
  CHECK(text.type_name() == "str");
  CHECK(letter == "x");
  CHECK((mp::object(L'\u00e4') == "\u00e4" && mp::object(U"\u00e4") == "\u00e4"));
  CHECK(mp::object(std::string("a string that is too long to lie inside")) ==
        "a string that is too long to lie inside");
  CHECK(mp::object(static_cast<const char*>(nullptr)).is_none());
  CHECK(sizeof(mp::object) == 16);
}

TEST_CASE("object: containers become objects only when it is said", "[object]") {
  static_assert(!std::is_convertible_v<std::vector<int>, mp::object>);
  const mp::object words(std::vector<std::string>{"a", "b"});
  const mp::object counts(std::map<std::string, int>{{"a", 1}});

  CHECK(words == mp::list{"a", "b"});
  CHECK(counts == mp::dict{{"a", 1}});
  CHECK(words.to<std::vector<std::string>>() == std::vector<std::string>{"a", "b"});
}

TEST_CASE("object: numbers are equal as in Python, exactly", "[object]") {
  const mp::object one = 1;
  CHECK((one == 1.0 && one == true && mp::object(0) == false && mp::object(-0.0) == 0.0));
  CHECK_FALSE(one == "1");

  const std::int64_t beyond = (std::int64_t{1} << 53) + 1;
  CHECK_FALSE(mp::object(beyond) == static_cast<double>(beyond));
  CHECK(mp::object(beyond - 1) == static_cast<double>(beyond - 1));
  CHECK(mp::object(std::numeric_limits<std::uint64_t>::max()) != mp::object(-1));
  CHECK(mp::object(mp::int_("18446744073709551616")) == 0x1p64);
  CHECK_FALSE(mp::object(mp::int_("18446744073709551617")) == 0x1p64);
  CHECK_FALSE(mp::object(std::numeric_limits<std::int64_t>::max()) == 0x1p63);
  CHECK(mp::object(std::numeric_limits<std::int64_t>::min()) == -0x1p63);

  const mp::object nan = std::nan("");
  CHECK_FALSE(nan == nan);
  CHECK(mp::list{nan} == mp::list{nan});
  CHECK_FALSE(mp::list{nan} == mp::list{std::nan("")});
}

TEST_CASE("object: equal numbers are one key", "[object][dict]") {
  const mp::dict d{{1, "int"}, {1.0, "float"}, {true, "bool"}};
  CHECK(repr_of(d) == "{1: 'bool'}");

  const mp::object nan = std::nan("");
  mp::dict nans;
  nans[nan] = 1;
  nans[std::nan("")] = 2;
  CHECK(nans.size() == 2);
  CHECK(nans.at(nan) == 1);
  CHECK_FALSE(nans.contains(std::nan("")));

  mp::dict zero{{0.0, "a"}};
  CHECK(zero.at(-0.0) == "a");
  CHECK(zero.at(false) == "a");

  const std::hash<mp::object> hash;
  CHECK(hash(mp::int_("18446744073709551616")) == hash(0x1p64));
  CHECK(hash(7) == hash(7.0));
  CHECK(hash(mp::tuple{1, "x"}) == hash(mp::tuple{1.0, "x"}));
}

TEST_CASE("object: a dict keeps the order of insertion through holes and growth", "[object][dict]") {
  mp::dict d;
  for (int i = 0; i < 1000; ++i) d[i] = i * i;
  for (int i = 0; i < 1000; i += 2) CHECK(d.erase(i));
  CHECK_FALSE(d.erase(0));
  d[0] = "again";
  for (int i = 2000; i < 2600; ++i) d[i] = i;

  CHECK(d.size() == 500 + 1 + 600);
  int last = -1;
  bool ordered = true;
  for (auto [key, value] : d) {
    const int at = key.to<int>() == 0 ? 1000 : key.to<int>();
    ordered = ordered && at > last;
    last = at;
  }
  CHECK(ordered);
  CHECK(d.at(999) == 999 * 999);
  CHECK_FALSE(d.contains(998));
  CHECK_THROWS_AS(d.at(998), mp::KeyError);
  CHECK(d.get(998, "none") == "none");
  CHECK(d.pop(1) == 1);
  CHECK(d.keys().size() == d.size());
}

TEST_CASE("object: what can change is no key", "[object][dict]") {
  mp::dict d;
  CHECK_THROWS_WITH(d[mp::list{1}], contains("unhashable type: 'list'"));
  CHECK_THROWS_AS((mp::set{mp::dict()}), mp::TypeError);
  d[mp::tuple{1, mp::frozenset{2, 3}}] = "deep";
  CHECK(d.at(mp::tuple{1, mp::frozenset{3, 2}}) == "deep");
  CHECK_THROWS_AS((d[mp::tuple{mp::list()}]), mp::TypeError);
}

TEST_CASE("object: sets compare without order", "[object][set]") {
  CHECK(mp::set{1, 2} == mp::set{2, 1.0});
  CHECK(mp::object(mp::set{1}) == mp::object(mp::frozenset{1}));
  const mp::set s{1, 2};
  CHECK(s.discard(1));
  CHECK_FALSE(s.discard(1));
  s.add("x");
  CHECK((s.size() == 2 && s.contains("x") && !s.contains(1)));
}

TEST_CASE("object: a copy refers to the same container, a deep copy does not", "[object]") {
  const mp::list one{1};
  const mp::object two = one;
  two.to<mp::list>().append(2);
  CHECK(one.size() == 2);
  CHECK(two.is(one));

  const mp::list twice{one, one};
  const auto copy = twice.deepcopy();
  CHECK(copy == twice);
  CHECK_FALSE(copy[0].is(one));
  CHECK(copy[0].is(copy[1]));
}

TEST_CASE("object: moving takes, and leaves None", "[object]") {
  mp::object from = mp::list{1, 2};
  const mp::object to = std::move(from);
  CHECK(to.size() == 2);
  CHECK(from.is_none());  // NOLINT: what a moved-from object is, is promised
  mp::object self = "a text that does not fit inside an object";
  self = static_cast<const mp::object&>(self);
  CHECK(self.size() == 41);
}

TEST_CASE("object: elements are read by index and key, and counted from the end", "[object]") {
  const mp::object items = mp::list{1, "two", mp::dict{{"three", 3}}};
  CHECK(items[0] == 1);
  CHECK(items[-2] == "two");
  CHECK(items[2]["three"] == 3);
  CHECK(mp::object(mp::tuple{1, 2})[1] == 2);
  CHECK_THROWS_AS(items[3], mp::IndexError);
  CHECK_THROWS_AS(items[-4], mp::IndexError);
  CHECK_THROWS_AS(items[2]["four"], mp::KeyError);
  CHECK_THROWS_AS(items["one"], mp::TypeError);
  CHECK_THROWS_WITH(mp::object(5)[0], contains("'int' object is not subscriptable"));
  CHECK(items.contains("two"));
  CHECK(items[2].contains("three"));
  CHECK(mp::object("haystack").contains("st"));
  CHECK(mp::object("h\u00e9").size() == 2);
}

TEST_CASE("object: lists have Python's methods", "[object][list]") {
  mp::list items(mp::range(3));
  items.insert(0, "first");
  items.insert(-100, "before");
  items.insert(100, "last");
  CHECK(repr_of(items) == "['before', 'first', 0, 1, 2, 'last']");
  CHECK(items.pop() == "last");
  CHECK(items.pop(0) == "before");
  items.remove(1.0);
  items.reverse();
  items.extend(std::vector<std::string>{"x"});
  CHECK(repr_of(items) == "[2, 0, 'first', 'x']");
  items[0] = mp::None;
  CHECK(items[0].is_none());
  CHECK_THROWS_AS(items.remove("absent"), mp::ValueError);
  CHECK_THROWS_AS(mp::list().pop(), mp::IndexError);
}

TEST_CASE("object: list{l} is a copy, and a list in a list says so", "[object][list]") {
  const mp::list inner{1};
  CHECK(mp::list{inner} == mp::list{1});
  CHECK(mp::list{mp::object(inner)}.size() == 1);
  CHECK(mp::list{mp::object(inner)}[0] == inner);
  CHECK(mp::list{inner, inner}.size() == 2);
}

TEST_CASE("object: its text is Python's", "[object][text]") {
  const mp::list items{mp::None,          true,        -1,           1.0,        1e100,     "it's",
                       mp::bytes("\x01"), mp::tuple(), mp::tuple{1}, mp::list(), mp::dict()};
  CHECK(mp::repr(items) == R"([None, True, -1, 1.0, 1e+100, "it's", b'\x01', (), (1,), [], {}])");
  CHECK(mp::repr(mp::object(mp::set())) == "set()");
  CHECK(mp::repr(mp::object(mp::frozenset{1})) == "frozenset({1})");
  CHECK(mp::repr(mp::object(mp::bytearray("ab"))) == "bytearray(b'ab')");
  CHECK(mp::repr(mp::object(mp::bytearray("it's"))) == R"(bytearray(b"it\'s"))");
  CHECK(mp::repr(mp::object(mp::slice(1, 2))) == "slice(1, 2, None)");
  CHECK(mp::repr(mp::object(mp::array('b', mp::bytes("\x01\xff")))) == "array('b', [1, -1])");
  CHECK(mp::repr(mp::object(mp::array('d', mp::bytes()))) == "array('d')");
  CHECK(mp::repr(mp::object(mp::instance(mp::global("builtins.KeyError"), mp::tuple{"k"}))) == "KeyError('k')");
  CHECK(mp::repr(mp::object(mp::instance(mp::global("builtins.complex"), mp::tuple{1.0, -2.0}))) == "(1-2j)");
  CHECK(mp::repr(mp::object(mp::instance::with_state(mp::global("bank.Account"), mp::dict{{"owner", "Ann"}}))) ==
        "bank.Account(owner='Ann')");
  // An instance that is a key in its own state: not a text that never ends.
  const mp::dict state;
  const auto self = mp::instance::with_state(mp::global("m.C"), state);
  state[self] = 1;
  CHECK(mp::repr(mp::object(self)) == "m.C(m.C(...)=1)");
  state.clear();
  CHECK(mp::repr(mp::object(mp::global("queue.Queue"))) == "<class 'queue.Queue'>");
  CHECK(mp::repr(std::vector<mp::object>{1, "a"}) == "[1, 'a']");

  std::ostringstream stream;
  stream << mp::object("plain") << mp::object(2);
  CHECK(stream.str() == "plain2");
}

TEST_CASE("object: bytes that are no UTF-8 survive in a str", "[object][text]") {
  const std::string raw = "a\xff\xed\xb3\xbf\xed\xa0\x80z";
  const mp::object text = raw;
  CHECK(text.to<std::string>() == raw);
  CHECK(mp::repr(text) == R"('a\udcff\udced\udcb3\udcbf\ud800z')");
}

TEST_CASE("object: what holds itself is shown, hashed and compared without end of the program", "[object]") {
  mp::list l{1};
  l.append(l);
  CHECK(mp::repr(l) == "[1, [...]]");
  mp::list other{1};
  other.append(other);
  CHECK_THROWS_AS(l == other, mp::RecursionError);
  CHECK(l == l);
  CHECK_THROWS_AS(l.to<std::vector<std::vector<int>>>(), mp::TypeError);
  l.clear();
  other.clear();
}

TEST_CASE("object: what is nested a million times ends without end of the program", "[object]") {
  mp::list outermost;
  for (int i = 0; i < 1'000'000; ++i) outermost = mp::list{mp::object(outermost), i};
  CHECK(outermost.size() == 2);
}

TEST_CASE("object: conversions say what does not fit", "[object]") {
  CHECK(mp::object(5).to<int>() == 5);
  CHECK(mp::object(5).to<double>() == 5.0);
  CHECK(mp::object(true).to<int>() == 1);
  CHECK(mp::object().to<std::optional<int>>() == std::nullopt);
  CHECK_THROWS_AS(mp::object(1.5).to<int>(), mp::TypeError);
  CHECK_THROWS_AS(mp::object(1).to<bool>(), mp::TypeError);
  CHECK_THROWS_WITH(mp::object("abc").to<int>(), contains("a str where an int is wanted: 'abc'"));
  // 2^100 zeros, of which a message shows the first ones.
  mp::list laughs{0};
  for (int i = 0; i < 100; ++i) laughs = mp::list{mp::object(laughs), mp::object(laughs)};
  CHECK_THROWS_WITH(laughs.to<int>(), contains("a list where an int is wanted: [[[["));
  CHECK_THROWS_WITH(mp::object(300).to<std::int8_t>(), contains("300 does not fit an integer of 8 bits"));
  CHECK_THROWS_AS(mp::object(-1).to<unsigned>(), mp::ValueError);
  CHECK(mp::object(std::numeric_limits<std::uint64_t>::max()).to<std::uint64_t>() ==
        std::numeric_limits<std::uint64_t>::max());
  CHECK_THROWS_AS(mp::object(mp::int_("99999999999999999999")).to<std::int64_t>(), mp::ValueError);
  CHECK_THROWS_AS((mp::object(mp::list{1, "x"}).to<std::vector<int>>()), mp::TypeError);
  CHECK_THROWS_AS(mp::object(mp::list()).to<mp::dict>(), mp::TypeError);
  const mp::object huge(mp::int_('1' + std::string(309, '0')));
  CHECK_THROWS_WITH(huge.to<double>(), contains("an int of 129 bytes does not fit a float"));
  CHECK(mp::object(mp::int_('1' + std::string(308, '0'))).to<double>() == 1e308);
  CHECK_THROWS_WITH(mp::object(1e308).to<float>(), contains("a float does not fit one of 32 bits: 1e+308"));
  CHECK(mp::object(-std::numeric_limits<double>::infinity()).to<float>() == -std::numeric_limits<float>::infinity());
}

TEST_CASE("object: a number is had by a cast too, and never without one", "[object]") {
  CHECK(static_cast<int>(mp::object(5)) == 5);
  CHECK(static_cast<double>(mp::object(1.5)) == 1.5);
  CHECK(static_cast<long>(mp::list{7}[0]) == 7);
  CHECK_THROWS_AS(static_cast<int>(mp::object(1.5)), mp::TypeError);
  CHECK_THROWS_AS(static_cast<std::int8_t>(mp::object(300)), mp::ValueError);
  static_assert(!std::convertible_to<mp::object, int> && !std::convertible_to<mp::object, double>);
  CHECK(static_cast<bool>(mp::object(0.5)));
}

TEST_CASE("object: is<T> tells what it would be sent as", "[object]") {
  CHECK(mp::object(5).is<int>());
  CHECK_FALSE(mp::object(300).is<std::int8_t>());
  CHECK_FALSE(mp::object(5).is<double>());
  CHECK_FALSE(mp::object(true).is<int>());
  CHECK(mp::object("a").is<std::string>());
  CHECK(mp::object(mp::list()).is<mp::list>());
  CHECK_FALSE(mp::object(mp::list()).is<mp::tuple>());
}

TEST_CASE("object: truth is Python's", "[object]") {
  for (const mp::object& empty : {mp::object(), mp::object(0), mp::object(0.0), mp::object(""), mp::object(mp::list()),
                                  mp::object(mp::dict()), mp::object(false), mp::object(mp::bytes())}) {
    CHECK_FALSE(static_cast<bool>(empty));
  }
  for (const mp::object& full : {mp::object(-1), mp::object(std::nan("")), mp::object(" "),
                                 mp::object(mp::list{mp::None}), mp::object(mp::int_("99999999999999999999"))}) {
    CHECK(static_cast<bool>(full));
  }
}

TEST_CASE("object: threads may copy one object at once", "[object]") {
  const mp::object shared = mp::list{"a text that does not fit inside an object"};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&shared] {
      for (int n = 0; n < 10'000; ++n) {
        const mp::object copy = shared;
        const mp::object item = copy[0];
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(shared[0].size() == 41);
}

TEST_CASE("object: objects are keys of C++ maps", "[object]") {
  std::unordered_map<mp::object, int> counts;
  ++counts[1];
  ++counts[1.0];
  ++counts["x"];
  CHECK(counts.at(true) == 2);
}
