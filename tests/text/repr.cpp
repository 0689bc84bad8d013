// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/text/repr.hpp>

#include <multiprocessing/range.hpp>

#include "support/catch.hpp"

#include <boost/container/string.hpp>
#include <boost/container/vector.hpp>
#include <boost/describe.hpp>

#include <any>
#include <array>
#include <atomic>
#include <bitset>
#include <chrono>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <forward_list>
#include <functional>
#include <limits>
#include <list>
#include <locale>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace mp = multiprocessing;
using mp::repr;
using namespace std::string_literals;

namespace shapes {

struct Point {
  int x = 1;
  double y = 2;
};
struct Empty {};
struct Line {
  Point from;
  Point to;
  std::string name;
};
template <class T>
struct Box {
  T inside;
};
struct MoveOnly {
  std::unique_ptr<int> owned;
  const int fixed;
};
struct Tree {
  int value;
  std::vector<Tree> children;
};

struct Base {
  int id = 7;
};
BOOST_DESCRIBE_STRUCT(Base, (), (id))
struct Described : Base {
  int x = 1;
  std::string name = "n";
  double grid[2] = {0, 0.5};
};
BOOST_DESCRIBE_STRUCT(Described, (Base), (x, name, grid))

class Private {
 public:
  explicit Private(int secret) : secret_(secret) {}

 private:
  int secret_;
  BOOST_DESCRIBE_CLASS(Private, (), (), (), (secret_))
};

enum class Color { red = 1, green = 2 };
BOOST_DESCRIBE_ENUM(Color, red, green)
enum class Plain : unsigned char { a = 65 };
enum Unscoped { zero, one };
enum class Flag : bool { off, on };
enum class Letter : char16_t { a = 97 };
enum class Streamed { a };
std::ostream& operator<<(std::ostream& stream, Streamed) { return stream << "streamed"; }
enum UnscopedStreamed { us };
std::ostream& operator<<(std::ostream& stream, UnscopedStreamed) { return stream << "unscoped streamed"; }

struct Account {
  long balance = 1000;
  friend std::ostream& operator<<(std::ostream& stream, const Account& a) { return stream << "Account " << a.balance; }
};

class Named {
 public:
  friend std::string repr_of(const Named&) { return "<Named>"; }
  friend std::string str_of(const Named&) { return "named"; }
  friend std::ostream& operator<<(std::ostream& stream, const Named&) { return stream << "never"; }
};

class ConvertibleToText {
 public:
  operator std::string_view() const { return "converted"; }
};

class MyError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace shapes

namespace {

struct Hidden {
  int n = 3;
};

template <class T>
std::string str(const T& x) {
  std::string text;
  mp::detail::append_text<mp::detail::Style::str>(text, x);
  return text;
}

/// The lines that a Python program prints; empty where there is no Python.
std::vector<std::string> python_lines(const std::string& program) {
  std::FILE* const pipe = ::popen(("PYTHONIOENCODING=utf-8 python3 -c '" + program + "' 2>/dev/null").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::vector<std::string> lines(1);
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    if (c == '\n')
      lines.emplace_back();
    else
      lines.back() += static_cast<char>(c);
  }
  const int status = ::pclose(pipe);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return {};  // the shell found no python3
  REQUIRE(status == 0);
  lines.pop_back();
  return lines;
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

}  // namespace

TEST_CASE("repr: what is none or a bool", "[text][repr]") {
  CHECK(repr(true) == "True");
  CHECK(repr(false) == "False");
  CHECK(repr(std::vector<bool>{true, false}) == "[True, False]");
  std::vector<bool> bits{true};
  CHECK(repr(bits[0]) == "True");
  CHECK(repr(nullptr) == "None");
  CHECK(repr(std::nullopt) == "None");
  CHECK(repr(std::monostate()) == "None");
}

TEST_CASE("repr: integers of every size are numbers", "[text][repr]") {
  CHECK(repr(0) == "0");
  CHECK(repr(std::int8_t{-128}) == "-128");
  CHECK(repr(std::uint8_t{65}) == "65");
  CHECK(repr(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(repr(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK(repr(std::byte{200}) == "200");
}

TEST_CASE("repr: a character is a string of one", "[text][repr]") {
  CHECK(repr('a') == "'a'");
  CHECK(repr('\'') == "\"'\"");
  CHECK(repr('\0') == R"('\x00')");
  CHECK(repr(L'\u00e9') == "'\u00e9'");
  CHECK(repr(u8'x') == "'x'");
  CHECK(repr(u'\u20ac') == "'\u20ac'");
  CHECK(repr(U'\U0001f600') == "'\U0001f600'");
  CHECK(repr(static_cast<char>(0xe9)) == R"('\udce9')");
  CHECK(str('a') == "a");
  CHECK(str(U'\U0001f600') == "\U0001f600");
}

TEST_CASE("repr: floats as Python writes them", "[text][repr]") {
  CHECK(repr(1.0) == "1.0");
  CHECK(repr(-0.0) == "-0.0");
  CHECK(repr(0.1) == "0.1");
  CHECK(repr(100.0) == "100.0");
  CHECK(repr(123456.789) == "123456.789");
  CHECK(repr(3.1415927) == "3.1415927");
  CHECK(repr(1e15) == "1000000000000000.0");
  CHECK(repr(1e16) == "1e+16");
  CHECK(repr(9999999999999998.0) == "9999999999999998.0");
  CHECK(repr(1.5e16) == "1.5e+16");
  CHECK(repr(0.0001) == "0.0001");
  CHECK(repr(0.00001) == "1e-05");
  CHECK(repr(1.25e-7) == "1.25e-07");
  CHECK(repr(1e100) == "1e+100");
  CHECK(repr(5e-324) == "5e-324");
  CHECK(repr(std::numeric_limits<double>::max()) == "1.7976931348623157e+308");
  CHECK(repr(std::numeric_limits<double>::infinity()) == "inf");
  CHECK(repr(-std::numeric_limits<double>::infinity()) == "-inf");
  CHECK(repr(std::numeric_limits<double>::quiet_NaN()) == "nan");
  CHECK(repr(-std::numeric_limits<double>::quiet_NaN()) == "nan");
}

TEST_CASE("repr: each floating type has its own shortest digits", "[text][repr]") {
  CHECK(repr(0.1f) == "0.1");
  CHECK(repr(16777216.0f) == "16777216.0");
  CHECK(repr(3.4028235e38f) == "3.4028235e+38");
  CHECK(repr(1e-45f) == "1e-45");
  CHECK(repr(0.1L) == "0.1");
  CHECK(repr(1.0L) == "1.0");

  std::mt19937 random(20);
  for (int i = 0; i < 5000; ++i) {
    const auto bits = static_cast<std::uint32_t>(random());
    float number;
    std::memcpy(&number, &bits, sizeof number);
    if (number != number) continue;
    CAPTURE(bits);
    REQUIRE(std::strtof(repr(number).c_str(), nullptr) == number);
    const long double wide = static_cast<long double>(number) / 3;
    REQUIRE(std::strtold(repr(wide).c_str(), nullptr) == wide);
  }
}

TEST_CASE("repr: complex numbers", "[text][repr]") {
  using C = std::complex<double>;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(repr(C(1, 2)) == "(1+2j)");
  CHECK(repr(C(1.5, -2)) == "(1.5-2j)");
  CHECK(repr(C(0, 2)) == "2j");
  CHECK(repr(C(0, -2)) == "-2j");
  CHECK(repr(C(0, 0)) == "0j");
  CHECK(repr(C(-0.0, 1)) == "(-0+1j)");
  CHECK(repr(C(1, -0.0)) == "(1-0j)");
  CHECK(repr(C(nan, std::numeric_limits<double>::infinity())) == "(nan+infj)");
  CHECK(repr(C(1e16, -1e-5)) == "(1e+16-1e-05j)");
  CHECK(repr(std::complex<float>(0.1f, 1)) == "(0.1+1j)");
}

TEST_CASE("repr: strings in Python's quotes and escapes", "[text][repr]") {
  CHECK(repr("text") == "'text'");
  CHECK(repr(""s) == "''");
  CHECK(repr("it's") == R"("it's")");
  CHECK(repr(R"(say "hi")") == R"('say "hi"')");
  CHECK(repr(R"(it's "both")") == R"('it\'s "both"')");
  CHECK(repr("tab\tline\ncr\rback\\") == R"('tab\tline\ncr\rback\\')");
  CHECK(repr("\0a\x1f\x7f"s) == R"('\x00a\x1f\x7f')");
  CHECK(repr("caf\u00e9 \u20ac \U0001f600") == "'caf\u00e9 \u20ac \U0001f600'");
  CHECK(repr("\u00a0\u00ad\u200b\u2028\ue000\U000e0001") == R"('\xa0\xad\u200b\u2028\ue000\U000e0001')");
  CHECK(repr(std::string_view("view")) == "'view'");
  CHECK(repr(boost::container::string("boost's")) == R"("boost's")");
  CHECK(repr(shapes::ConvertibleToText()) == "'converted'");
}

TEST_CASE("repr: bytes that are no UTF-8 become lone surrogates", "[text][repr]") {
  CHECK(repr("\xff"s) == R"('\udcff')");
  CHECK(repr("a\xc3"s) == R"('a\udcc3')");          // cut short
  CHECK(repr("\xc0\x80"s) == R"('\udcc0\udc80')");  // longer than needed
  CHECK(repr("\xe0\x80\x80"s) == R"('\udce0\udc80\udc80')");
  CHECK(repr("\xed\xa0\x80"s) == R"('\udced\udca0\udc80')");            // a surrogate
  CHECK(repr("\xf4\x90\x80\x80"s) == R"('\udcf4\udc90\udc80\udc80')");  // beyond Unicode
  CHECK(repr("\xe2\x82z"s) == R"('\udce2\udc82z')");
  CHECK(str("\xff\xfe"s) == "\xff\xfe");
}

TEST_CASE("repr: wide strings", "[text][repr]") {
  CHECK(repr(u8"\u00e9") == "'\u00e9'");
  CHECK(repr(std::u8string(u8"x")) == "'x'");
  CHECK(repr(u"\u00e9\U0001f600") == "'\u00e9\U0001f600'");
  CHECK(repr(std::u16string{0xd800, u'a'}) == R"('\ud800a')");
  CHECK(repr(U"\U0001f600") == "'\U0001f600'");
  CHECK(repr(L"w") == "'w'");
  CHECK(str(std::u16string{0xd800, u'a'}) == "\ufffda");
  CHECK(str(L"\u00e9") == "\u00e9");
  CHECK(str(u8"\u00e9") == "\u00e9");
}

TEST_CASE("repr: C strings and arrays of characters", "[text][repr]") {
  const char* none = nullptr;
  char buffer[8] = "ab";
  const char full[2] = {'a', 'b'};
  CHECK(repr(none) == "None");
  CHECK(repr(static_cast<const char*>("p")) == "'p'");
  CHECK(repr(buffer) == "'ab'");
  CHECK(repr(full) == "'ab'");
  CHECK(repr(&buffer[0]) == "'ab'");
  CHECK(str(none) == "None");
}

TEST_CASE("repr: bytes", "[text][repr]") {
  const std::vector<std::byte> bytes{std::byte{0}, std::byte{'A'}, std::byte{'\''}, std::byte{'\n'}, std::byte{0xff}};
  CHECK(repr(bytes) == R"(b"\x00A'\n\xff")");
  CHECK(repr(std::span(bytes).first(2)) == R"(b'\x00A')");
  CHECK(repr(std::array<std::byte, 1>{std::byte{'\\'}}) == R"(b'\\')");
  CHECK(repr(std::vector<std::byte>()) == "b''");
}

TEST_CASE("repr: sequences are lists", "[text][repr]") {
  CHECK(repr(std::vector{1, 2, 3}) == "[1, 2, 3]");
  CHECK(repr(std::vector<int>()) == "[]");
  CHECK(repr(std::array{1.0, 2.5}) == "[1.0, 2.5]");
  CHECK(repr(std::deque<std::string>{"a", "b"}) == "['a', 'b']");
  CHECK(repr(std::list{'x'}) == "['x']");
  CHECK(repr(std::forward_list{1}) == "[1]");
  const int array[] = {1, 2};
  CHECK(repr(array) == "[1, 2]");
  CHECK(repr(std::span(array)) == "[1, 2]");
  CHECK(repr(std::vector<std::vector<int>>{{1}, {}}) == "[[1], []]");
  CHECK(repr(std::array<int, 0>()) == "[]");
  CHECK(repr(boost::container::vector<int>{1, 2}) == "[1, 2]");
  CHECK(str(std::vector<std::string>{"a"}) == "['a']");
  CHECK(repr(mp::range(0, 10, 2)) == "range(0, 10, 2)");
}

TEST_CASE("repr: tuples, sets and dicts", "[text][repr]") {
  CHECK(repr(std::tuple(1, "a", 2.0)) == "(1, 'a', 2.0)");
  CHECK(repr(std::tuple(1)) == "(1,)");
  CHECK(repr(std::tuple()) == "()");
  CHECK(repr(std::pair(1, 'a')) == "(1, 'a')");
  CHECK(repr(std::set{2, 1}) == "{1, 2}");
  CHECK(repr(std::set<int>()) == "set()");
  CHECK(repr(std::multiset{1, 1}) == "{1, 1}");
  CHECK(repr(std::unordered_set<std::string>{"a"}) == "{'a'}");
  CHECK(repr(std::unordered_set<int>()) == "set()");
  CHECK(repr(std::map<std::string, int>{{"a", 1}, {"b", 2}}) == "{'a': 1, 'b': 2}");
  CHECK(repr(std::map<int, int>()) == "{}");
  CHECK(repr(std::unordered_map<int, std::vector<int>>{{1, {2}}}) == "{1: [2]}");
  CHECK(repr(std::multimap<int, int>{{1, 1}, {1, 2}}) == "{1: 1, 1: 2}");
}

TEST_CASE("repr: what may hold another object shows that", "[text][repr]") {
  int n = 5;
  CHECK(repr(std::optional(1.0)) == "1.0");
  CHECK(repr(std::optional<int>()) == "None");
  CHECK(repr(std::variant<int, std::string>("x")) == "'x'");
  CHECK(repr(std::variant<std::monostate, int>()) == "None");
  CHECK(repr(std::make_unique<std::string>("x")) == "'x'");
  CHECK(repr(std::unique_ptr<int>()) == "None");
  CHECK(repr(std::make_shared<std::vector<int>>(2, 1)) == "[1, 1]");
  CHECK(repr(std::shared_ptr<int>()) == "None");
  CHECK(repr(std::ref(n)) == "5");
  CHECK(repr(std::atomic<double>(1.5)) == "1.5");
  CHECK(str(std::optional("x"s)) == "x");
  CHECK(str(std::variant<int, std::string>("x")) == "x");
  CHECK(repr(static_cast<int*>(nullptr)) == "None");
  CHECK(repr(static_cast<void*>(&n)).substr(0, 2) == "0x");
}

TEST_CASE("repr: paths, durations and what streams", "[text][repr]") {
  using namespace std::chrono_literals;
  CHECK(repr(std::filesystem::path("/it's")) == R"(PosixPath("/it's"))");
  CHECK(str(std::filesystem::path("/a b")) == "/a b");
  CHECK(repr(5s) == "5s");
  CHECK(repr(0.5s) == "0.5s");
  CHECK(repr(10ms) == "10ms");
  CHECK(repr(3us) == "3us");
  CHECK(repr(2min) == "2min");
  CHECK(repr(std::chrono::days(1)) == "1d");
  CHECK(repr(std::chrono::duration<int, std::ratio<7>>(2)) == "2[7]s");
  CHECK(repr(std::chrono::duration<int, std::ratio<1, 3>>(2)) == "2[1/3]s");
  CHECK(repr(std::bitset<4>(5)) == "0101");
}

TEST_CASE("repr: exceptions show their class and message", "[text][repr]") {
  CHECK(repr(mp::ValueError("it's wrong")) == R"(ValueError("it's wrong"))");
  CHECK(repr(shapes::MyError("m")) == "MyError('m')");
  const shapes::MyError mine("m");
  CHECK(repr(static_cast<const std::exception&>(mine)) == "MyError('m')");
  CHECK(str(mine) == "m");
  CHECK(repr(std::runtime_error("r")) == "runtime_error('r')");
  CHECK(repr(mp::ArenaFull("full")) == "ArenaFull('full')");
  CHECK(repr(mp::SystemExit(3)) == "SystemExit(3)");
  CHECK(repr(mp::SystemExit("why")) == "SystemExit('why')");
  CHECK(str(mp::SystemExit(3)) == "3");
}

TEST_CASE("repr: enums by name if described, else their number", "[text][repr]") {
  CHECK(repr(shapes::Color::green) == "Color.green");
  CHECK(repr(static_cast<shapes::Color>(9)) == "Color(9)");
  CHECK(repr(shapes::Plain::a) == "65");
  CHECK(repr(shapes::one) == "1");
  CHECK(repr(shapes::Flag::on) == "1");
  CHECK(repr(shapes::Letter::a) == "97");
  CHECK(repr(shapes::Streamed::a) == "streamed");
  CHECK(repr(shapes::us) == "unscoped streamed");
  CHECK(repr(std::map<shapes::Color, int>{{shapes::Color::red, 1}}) == "{Color.red: 1}");
}

TEST_CASE("repr: aggregates by their members", "[text][repr]") {
  struct Local {
    int a;
  };
  CHECK(repr(shapes::Point{}) == "Point(1, 2.0)");
  CHECK(repr(shapes::Empty{}) == "Empty()");
  CHECK(repr(shapes::Line{{}, {3, 4}, "l"}) == "Line(Point(1, 2.0), Point(3, 4.0), 'l')");
  CHECK(repr(shapes::Box<std::vector<shapes::Point>>{{{}}}) == "Box([Point(1, 2.0)])");
  CHECK(repr(shapes::MoveOnly{std::make_unique<int>(4), 5}) == "MoveOnly(4, 5)");
  CHECK(repr(shapes::Tree{1, {{2, {}}}}) == "Tree(1, [Tree(2, [])])");
  CHECK(repr(Local{1}) == "Local(1)");
  CHECK(repr(Hidden{}) == "Hidden(3)");
  CHECK(str(shapes::Box<std::string>{"s"}) == "Box('s')");
}

TEST_CASE("repr: described classes by their members' names", "[text][repr]") {
  CHECK(repr(shapes::Described{}) == "Described(id=7, x=1, name='n', grid=[0.0, 0.5])");
  CHECK(repr(shapes::Private(4)) == "Private(secret_=4)");
}

TEST_CASE("repr: a class's own text wins", "[text][repr]") {
  CHECK(repr(shapes::Account{}) == "Account 1000");
  CHECK(repr(std::vector<shapes::Account>(1)) == "[Account 1000]");
  CHECK(repr(shapes::Named()) == "<Named>");
  CHECK(str(shapes::Named()) == "named");
  CHECK(repr(std::vector<shapes::Named>(2)) == "[<Named>, <Named>]");
  CHECK(str(std::vector<shapes::Named>(1)) == "[<Named>]");
}

TEST_CASE("repr: does not depend on the program's locale", "[text][repr]") {
  struct Grouping : std::numpunct<char> {
    char do_thousands_sep() const override { return '.'; }
    char do_decimal_point() const override { return ','; }
    std::string do_grouping() const override { return "\3"; }
  };
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Grouping));
  const std::string account = repr(shapes::Account{});
  const std::string number = repr(1234.5);
  std::locale::global(before);
  CHECK(account == "Account 1000");
  CHECK(number == "1234.5");
}

TEST_CASE("repr: which aggregates can be listed", "[text][repr]") {
  struct Array {
    double x[3];
    int n;
  };
  struct ArrayLast {
    int n;
    char name[16];
  };
  struct OnlyArray {
    int x[3];
  };
  struct OneElement {
    int n;
    int x[1];
  };
  struct Derived : shapes::Point {
    int z;
  };
  struct Takes {
    std::any anything;
    std::optional<int> maybe;
  };
  STATIC_REQUIRE_FALSE(mp::detail::walkable_aggregate<Array>);
  STATIC_REQUIRE_FALSE(mp::detail::walkable_aggregate<ArrayLast>);
  STATIC_REQUIRE_FALSE(mp::detail::walkable_aggregate<OnlyArray>);
  STATIC_REQUIRE_FALSE(mp::detail::walkable_aggregate<Derived>);
  STATIC_REQUIRE_FALSE(mp::detail::walkable_aggregate<std::string>);
  STATIC_REQUIRE(mp::detail::walkable_aggregate<Takes>);
  STATIC_REQUIRE(mp::detail::walkable_aggregate<shapes::Line>);
  STATIC_REQUIRE(mp::detail::walkable_aggregate<shapes::MoveOnly>);
  STATIC_REQUIRE(mp::detail::walkable_aggregate<shapes::Tree>);
  CHECK(repr(OneElement{1, {2}}) == "OneElement(1, [2])");
}

TEST_CASE("repr: doubles agree with Python's, digit for digit", "[text][repr][python]") {
  const auto lines = python_lines(R"(
import random, struct
random.seed(2024)
def show(bits):
    print(bits, repr(struct.unpack("<d", struct.pack("<Q", bits))[0]))
for n in range(8000): show(random.getrandbits(64))
for n in range(4000): show(random.getrandbits(52) | random.getrandbits(1) << 63)
for n in range(4000): show(struct.unpack("<Q", struct.pack("<d", random.uniform(-1e3, 1e3)))[0])
for n in range(4000):
    whole = float(random.getrandbits(random.randrange(1, 70)))
    show(struct.unpack("<Q", struct.pack("<d", whole))[0])
for e in range(-324, 309):
    b = struct.unpack("<Q", struct.pack("<d", float("1e%d" % e)))[0]
    for d in (-1, 0, 1): show(max(b + d, 0))
)");
  if (lines.empty()) {
    WARN("no python3 here: nothing was compared");
    return;
  }
  REQUIRE(lines.size() > 18000);
  for (const std::string& line : lines) {
    const std::size_t space = line.find(' ');
    const std::uint64_t bits = std::stoull(line.substr(0, space));
    double number;
    std::memcpy(&number, &bits, sizeof number);
    CAPTURE(bits);
    REQUIRE(repr(number) == line.substr(space + 1));
  }
}

TEST_CASE("repr: strings agree with Python's, whatever is in them", "[text][repr][python]") {
  const auto lines = python_lines(R"(
import random, unicodedata
random.seed(2024)
same = unicodedata.unidata_version == "14.0.0"
print("same" if same else "other")
def show(raw):
    text = raw.decode("utf-8", "surrogateescape")
    print(raw.hex() + " " + repr(text).encode("utf-8").hex() + " " + repr(raw).encode("utf-8").hex())
def character():
    kind = random.randrange(6)
    if kind == 0: return random.randrange(0x80)
    if kind == 1: return random.choice((9, 10, 13, 34, 39, 92))
    if kind == 2 or not same: return random.randrange(0x250)
    if kind == 3: return random.randrange(0xd800)
    if kind == 4: return random.randrange(0xe000, 0x20000)
    return random.randrange(0x20000, 0x110000)
for n in range(6000): show("".join(chr(character()) for k in range(random.randrange(20))).encode("utf-8"))
edges = (0x27, 0x41, 0x80, 0xbf, 0xc2, 0xe0, 0xa0, 0xed, 0xf0, 0x90, 0xf4, 0x8f, 0xff)
for n in range(4000): show(bytes(random.choice(edges) for k in range(random.randrange(10))))
for n in range(4000): show(bytes(random.randrange(256) for k in range(random.randrange(8))))
if same:
    for block in range(0, 0x110000, 64):
        if not 0xd800 <= block < 0xe000: show("".join(map(chr, range(block, block + 64))).encode("utf-8"))
)");
  if (lines.empty()) {
    WARN("no python3 here: nothing was compared");
    return;
  }
  if (lines[0] == "other") WARN("this Python has another Unicode: only its first characters were compared");
  REQUIRE(lines.size() > 14000);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    const std::size_t first = line.find(' ');
    const std::size_t second = line.find(' ', first + 1);
    const std::string raw = from_hex(std::string_view(line).substr(0, first));
    CAPTURE(line);
    REQUIRE(repr(raw) == from_hex(std::string_view(line).substr(first + 1, second - first - 1)));
    REQUIRE(repr(std::as_bytes(std::span(raw))) == from_hex(std::string_view(line).substr(second + 1)));
  }
}
