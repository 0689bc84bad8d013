// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/object.hpp>
#include <multiprocessing/pickle.hpp>

#include "interop/python.hpp"

#include <boost/describe/class.hpp>

#include <array>
#include <chrono>
#include <complex>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <valarray>
#include <variant>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

const std::string script = beside(__FILE__, "pickle_peer.py");

struct Measurement {
  int id;
  std::string unit;
  std::vector<double> values;
  bool operator==(const Measurement&) const = default;
};

struct Account {
  std::string owner;
  double balance = 0;
  bool operator==(const Account&) const = default;
};
BOOST_DESCRIBE_STRUCT(Account, (), (owner, balance))

struct Settings {
  int size = 0;
  std::optional<std::string> name;
  bool operator==(const Settings&) const = default;
};
BOOST_DESCRIBE_STRUCT(Settings, (), (size, name))

enum class Color { red = 1, green = 2 };
enum class Level : std::uint8_t { low = 3 };

}  // namespace

template <>
inline constexpr std::string_view mp::python_class<Account> = "pickle_classes.Account";
template <>
inline constexpr std::string_view mp::python_class<Color> = "pickle_classes.Color";

namespace {

/// Whether Python reads `value` as what `expression` is there, and whether it comes back, from every protocol.
template <class T>
void check(Python& python, const std::string& expression, const T& value) {
  CAPTURE(expression);
  python.write_frame(expression);
  python.write_frame(mp::pickle::dumps(value).view());
  for (int protocol = 0; protocol <= 5; ++protocol) {
    CAPTURE(protocol);
    const std::string message = python.read_frame();
    CHECK(mp::pickle::loads<T>(message) == value);
    CHECK(mp::pickle::loads(message).template to<T>() == value);
  }
}

}  // namespace

TEST_CASE("pickle: what Python makes up at random comes back to it equal", "[interop][pickle]") {
  for (const std::string& interpreter : pythons()) {
    CAPTURE(interpreter);
    Python python(interpreter, {script, "random", "1", "3000"});
    for (int part = 0; part < 2; ++part) {
      int number = 0;
      for (std::string message = python.read_frame(); !message.empty(); message = python.read_frame()) {
        const int protocol = ++number % 4 + 2;
        const mp::object value = mp::pickle::loads(message);
        // Keyword arguments of __new__ have no form below protocol 4.
        const bool any = protocol >= 4 || message.find("Keywords") == std::string::npos;
        python.write_frame(mp::pickle::dumps(value, {.protocol = any ? protocol : 4}).view());
        CHECK_FALSE(repr_of(value).empty());
      }
      CHECK(number > 40);
    }
    CHECK(python.end() == 0);
  }
}

TEST_CASE("object: its text is the one that Python gives, whatever is in it", "[interop][object][text]") {
  for (const std::string& interpreter : pythons()) {
    CAPTURE(interpreter);
    Python python(interpreter, {script, "text", "2", "5000"});
    for (std::string message = python.read_frame(); !message.empty(); message = python.read_frame()) {
      python.write_frame(repr_of(mp::pickle::loads(message)));
    }
    CHECK(python.end() == 0);
  }
}

TEST_CASE("object: keys are one where Python's are", "[interop][object][dict]") {
  for (const std::string& interpreter : pythons()) {
    CAPTURE(interpreter);
    Python python(interpreter, {script, "keys", "3", "1000"});
    for (std::string message = python.read_frame(); !message.empty(); message = python.read_frame()) {
      mp::dict indices;
      int index = 0;
      for (const auto& key : mp::pickle::loads<std::vector<mp::object>>(message)) indices[key] = index++;
      python.write_frame(mp::pickle::dumps(indices).view());
    }
    CHECK(python.end() == 0);
  }
}

TEST_CASE("pickle: each type of the table means the same in Python", "[interop][pickle]") {
  for (const std::string& interpreter : pythons()) {
    CAPTURE(interpreter);
    Python python(interpreter, {script, "table"});

    check(python, "None", nullptr);
    check(python, "True", true);
    check(python, "False", false);
    check(python, "-5", -5);
    check(python, "255", std::uint8_t{255});
    check(python, "2**31", std::int64_t{1} << 31);
    check(python, "2**64 - 1", std::numeric_limits<std::uint64_t>::max());
    check(python, "-2**63", std::numeric_limits<std::int64_t>::min());
    check(python, "-12345678901234567890123", mp::int_("-12345678901234567890123"));
    check(python, "0.1", 0.1);
    check(python, "-0.0", -0.0);
    check(python, "0.5", 0.5f);
    check(python, "1.5-2j", std::complex<double>(1.5, -2));
    check(python, "'x'", 'x');
    check(python, "'\\u4e2d'", U'\u4e2d');
    check(python, "'caf\\xe9 \\U0001f600'", std::string("caf\u00e9 \U0001f600"));
    check(python, "'a\\udcffb'",
          std::string("a\xff"
                      "b"));
    check(python, "'\\ud800'", std::string("\xed\xa0\x80"));
    check(python, "'wide \\u4e2d \\U0001f600'", std::wstring(L"wide \u4e2d \U0001f600"));
    check(python, "'sixteen \\U0001f600'", std::u16string(u"sixteen \U0001f600"));
    check(python, "'y' * 300", std::string(300, 'y'));
    check(python, "b'\\x00\\xff'", std::vector<std::byte>{std::byte{0}, std::byte{255}});
    check(python, "b''", mp::bytes());
    check(python, "b'ab'", std::vector<char>{'a', 'b'});
    check(python, "b'0' * 300", mp::bytes(std::string(300, '0')));
    check(python, "pathlib.PosixPath('/tmp/a')", std::filesystem::path("/tmp/a"));

    check(python, "array.array('i', [1, -2, 3])", std::vector<int>{1, -2, 3});
    check(python, "array.array('d', [1.0, 2.5])", std::vector<double>{1.0, 2.5});
    check(python, "array.array('d')", std::vector<double>());
    check(python, "('x', array.array('d', [0.5] * 300))",
          std::pair<std::string, std::vector<double>>("x", std::vector<double>(300, 0.5)));
    check(python, "array.array('Q', [2**64 - 1])",
          std::vector<std::uint64_t>{std::numeric_limits<std::uint64_t>::max()});
    check(python, "array.array('f', [0.5])", std::array<float, 1>{0.5f});
    check(python, "array.array('h', [1, 2])", std::vector<short>{1, 2});
    check(python, "[True, False]", std::vector<bool>{true, false});
    check(python, "['a', 'b']", std::vector<std::string>{"a", "b"});
    check(python, "[[1], []]", std::vector<std::list<int>>{{1}, {}});
    check(python, "[1, 2]", std::deque<int>{1, 2});
    check(python, "['a', 'b']", std::array<std::string, 2>{"a", "b"});
    check(python, "list(range(2500))", [] {
      std::list<int> all;
      for (int i = 0; i < 2500; ++i) all.push_back(i);
      return all;
    }());
    check(python, "{1: 'a', 2: 'b'}", std::map<int, std::string>{{1, "a"}, {2, "b"}});
    check(python, "{(1, 'x'): None}", std::map<std::pair<int, std::string>, std::optional<int>>{{{1, "x"}, {}}});
    check(python, "{(1, 2): 0.5}", std::map<std::vector<int>, double>{{{1, 2}, 0.5}});
    check(python, "{'k': array.array('d', [1.0])}", std::unordered_map<std::string, std::vector<double>>{{"k", {1.0}}});
    check(python, "[('a', 1), ('a', 2)]", std::multimap<std::string, int>{{"a", 1}, {"a", 2}});
    check(python, "{1, 2}", std::set<int>{1, 2});
    check(python, "{frozenset({1}), frozenset({2, 3})}", std::set<std::set<int>>{{1}, {2, 3}});
    check(python, "[1, 1]", std::multiset<int>{1, 1});
    check(python, "(1, 'a')", std::pair<int, std::string>{1, "a"});
    check(python, "()", std::tuple<>());
    check(python, "(1, 2.0, 'c', True)", std::tuple<int, double, std::string, bool>{1, 2.0, "c", true});
    check(python, "7", std::optional<int>(7));
    check(python, "'s'", std::variant<int, std::string, std::vector<int>>("s"));
    check(python, "datetime.timedelta(days=-2, seconds=5, microseconds=7)", std::chrono::microseconds(-48h + 5s + 7us));
    check(python, "datetime.timedelta(seconds=90)", 90s);
    check(python, "datetime.datetime(2024, 2, 29, 12, 30, 1, 5, tzinfo=datetime.timezone.utc)",
          std::chrono::sys_time<std::chrono::microseconds>(std::chrono::sys_days(std::chrono::year(2024) / 2 / 29) +
                                                           12h + 30min + 1s + 5us));
    check(python, "datetime.datetime(1, 1, 1, tzinfo=datetime.timezone.utc)",
          std::chrono::sys_time<std::chrono::microseconds>(std::chrono::sys_days(std::chrono::year(1) / 1 / 1)));

    check(python, "(5, 'V', array.array('d', [1.5]))", Measurement{5, "V", {1.5}});
    check(python, "{'size': 3, 'name': None}", Settings{3, std::nullopt});
    check(python, "Account('Ann', 12.5)", Account{"Ann", 12.5});
    check(python, "[Account('A', 1.0), Account('B', 2.0)]", std::vector<Account>{{"A", 1.0}, {"B", 2.0}});
    check(python, "Color.GREEN", Color::green);
    check(python, "3", Level::low);

    python.write_frame("");
    CHECK(python.end() == 0);
  }
}

TEST_CASE("pickle: one-dimensional arrays of a real NumPy are vectors", "[interop][pickle][numpy]") {
  auto interpreters = pythons();
  interpreters.push_back("/usr/bin/python3");  // to which the system's package belongs
  for (const std::string& interpreter : interpreters) {
    CAPTURE(interpreter);
    Python python(interpreter, {script, "numpy"});
    if (python.read_frame() != "numpy") {
      WARN("skipped: there is no NumPy in " + interpreter);
      CHECK(python.end() == 0);
      continue;
    }
    const auto check_numbers = [&]<class T>(const std::vector<T>& wanted, const std::string& expression) {
      CAPTURE(expression);
      python.write_frame(expression);
      for (int protocol = 2; protocol <= 5; ++protocol) {
        CAPTURE(protocol);
        const std::string message = python.read_frame();
        CHECK(mp::pickle::loads<std::vector<T>>(message) == wanted);
        CHECK(mp::pickle::loads(message).to<std::vector<T>>() == wanted);
        // Kept as an object, it goes back as it was.
        python.write_frame(mp::pickle::dumps(mp::pickle::loads(message)).view());
        CHECK(python.read_frame() == "same");
      }
    };
    check_numbers(std::vector<double>{1, -2.5, 3e300}, "numpy.array([1, -2.5, 3e300])");
    check_numbers(std::vector<double>(), "numpy.array([])");
    check_numbers(std::vector<float>{0.5f}, "numpy.array([0.5], dtype='float32')");
    check_numbers(std::vector<std::int32_t>{1, -2}, "numpy.array([1, -2], dtype='int32')");
    check_numbers(std::vector<std::int64_t>{1, -2}, "numpy.array([1, -2])");
    check_numbers(std::vector<std::uint8_t>{1, 255}, "numpy.array([1, 255], dtype='uint8')");
    check_numbers(std::vector<std::int16_t>{-300}, "numpy.array([-300], dtype='int16')");
    check_numbers(std::vector<std::uint64_t>{std::uint64_t{1} << 63}, "numpy.array([2**63], dtype='uint64')");
    // What is not as it would be here is converted.
    check_numbers(std::vector<double>{1, 2.5}, "numpy.array([1, 2.5], dtype='>f8')");
    check_numbers(std::vector<int>{1, -2}, "numpy.array([1, -2], dtype='>i2')");
    check_numbers(std::vector<double>{1, 2}, "numpy.array([1, 2], dtype='int8')");
    check_numbers(std::vector<int>{0, 2, 4}, "numpy.arange(6)[::2]");
    check_numbers(std::vector<int>{4, 5}, "numpy.arange(6).reshape(3, 2, order='F')[1:, 1]");
    const std::vector<double> many(100'000, 0.25);
    check_numbers(many, "numpy.full(100000, 0.25)");

    const auto check_refused = [&](const std::string& expression, const std::string& why) {
      CAPTURE(expression);
      python.write_frame(expression);
      for (int protocol = 2; protocol <= 5; ++protocol) {
        CAPTURE(protocol);
        const std::string message = python.read_frame();
        CHECK_THROWS_WITH(mp::pickle::loads<std::vector<double>>(message), contains(why));
        python.write_frame(mp::pickle::dumps(mp::pickle::loads(message)).view());
        CHECK(python.read_frame() == "same");
      }
    };
    check_refused("numpy.ones((2, 3))", "a NumPy array of 2 dimensions where one is wanted");
    check_refused("numpy.array(1.5)", "a NumPy array of 0 dimensions where one is wanted");
    check_refused("numpy.array([1j])", "where a list is wanted");
    check_refused("numpy.array(['text'])", "where a list is wanted");
    check_refused("numpy.array([2**70])", "where a list is wanted");
    python.write_frame("numpy.array([300])");
    for (int protocol = 2; protocol <= 5; ++protocol) {
      const std::string message = python.read_frame();
      CHECK_THROWS_AS(mp::pickle::loads<std::vector<std::int8_t>>(message), mp::UnpicklingError);
      python.write_frame(message);
      CHECK(python.read_frame() == "same");
    }
    python.write_frame("");
    CHECK(python.end() == 0);
  }
}

TEST_CASE("pickle: objects mean the same in Python", "[interop][pickle]") {
  for (const std::string& interpreter : pythons()) {
    CAPTURE(interpreter);
    Python python(interpreter, {script, "table"});
    const mp::list items{1, "two", 3.0, mp::None, mp::list{mp::tuple{1}, true}, mp::dict{{"k", mp::bytes("v")}}};

    check<mp::object>(python, "[1, 'two', 3.0, None, [(1,), True], {'k': b'v'}]", items);
    check<mp::object>(python, "{1, 2}", mp::set{1, 2});
    check<mp::object>(python, "frozenset({'a'})", mp::frozenset{"a"});
    check<mp::object>(python, "bytearray(b'xyz')", mp::bytearray("xyz"));
    check<mp::object>(python, "slice(1, None, -1)", mp::slice(1, mp::None, -1));
    check<mp::object>(python, "2**100", mp::int_("1267650600228229401496703205376"));
    check<mp::object>(python, "array.array('q', [1, 2])",
                      mp::array('q', mp::bytes(std::string("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16))));
    check<mp::object>(python, "ValueError('no', 1)",
                      mp::instance(mp::global("builtins.ValueError"), mp::tuple{"no", 1}));
    check<mp::object>(python, "collections.OrderedDict", mp::global("collections.OrderedDict"));

    python.write_frame("");
    CHECK(python.end() == 0);
  }
}
