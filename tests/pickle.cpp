// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/pickle.hpp>

#include "support/catch.hpp"

#include <multiprocessing/object.hpp>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>

#include <array>
#include <bitset>
#include <chrono>
#include <cmath>
#include <complex>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <forward_list>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <valarray>
#include <variant>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

/// There and back, by each protocol that can be written; also through an object.
template <class T>
void check_back(const T& value) {
  for (int protocol = 2; protocol <= mp::pickle::HIGHEST_PROTOCOL; ++protocol) {
    CAPTURE(protocol);
    const mp::bytes message = mp::pickle::dumps(value, {.protocol = protocol});
    CHECK(mp::pickle::loads<T>(message) == value);
    const mp::object object = mp::pickle::loads(message);
    CHECK(object.to<T>() == value);
    CHECK(mp::pickle::loads<T>(mp::pickle::dumps(object, {.protocol = protocol})) == value);
  }
}

struct Plain {
  int id;
  std::string name;
  std::vector<double> values;
  std::map<std::string, std::optional<int>> more;
  bool operator==(const Plain&) const = default;
};
struct Empty {
  bool operator==(const Empty&) const = default;
};
struct Constant {
  const int number;
  Plain inner;
  bool operator==(const Constant&) const = default;
};
struct Node {
  int value;
  std::vector<Node> children;
  bool operator==(const Node&) const = default;
};

struct Base {
  int x = 0;
  bool operator==(const Base&) const = default;
};
BOOST_DESCRIBE_STRUCT(Base, (), (x))

class Private : public Base {
 public:
  Private() = default;
  Private(int x_value, std::string name) : Base{x_value}, name_(std::move(name)) { array_[0] = x_value; }
  bool operator==(const Private& other) const {
    return x == other.x && name_ == other.name_ && array_[0] == other.array_[0];
  }

 private:
  std::string name_;
  std::array<int, 2> array_{};
  BOOST_DESCRIBE_CLASS(Private, (Base), (), (), (name_, array_))
};

struct Named {
  int size = 0;
  bool operator==(const Named&) const = default;
};
BOOST_DESCRIBE_STRUCT(Named, (), (size))

class Hooked {
 public:
  Hooked() = default;
  Hooked(int a, std::string b) : a_(a), b_(std::move(b)) {}
  bool operator==(const Hooked&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(a_, b_);
  }

 private:
  int a_ = 0;
  std::string b_;
};

class Friendly {
 public:
  Friendly() = default;
  explicit Friendly(int a) : a_(a) {}
  bool operator==(const Friendly&) const = default;

  template <class Archive>
  friend void serialize(Archive& archive, Friendly& x) {
    archive(x.a_);
    if (Archive::loading) x.loaded_ = true;
  }
  bool loaded() const { return loaded_; }

 private:
  int a_ = 0;
  bool loaded_ = false;
};

enum class Small : std::uint8_t { one = 1, most = 255 };
enum Unscoped { first, second };

}  // namespace

template <>
inline constexpr std::string_view mp::python_class<Named> = "shop.stock:Shelf.Item";

TEST_CASE("pickle: numbers come back as they were", "[pickle]") {
  for (const std::int64_t number :
       {std::int64_t{0}, std::int64_t{255}, std::int64_t{256}, std::int64_t{65535}, std::int64_t{65536},
        std::int64_t{-1}, std::int64_t{-2147483648}, std::int64_t{2147483648}, std::numeric_limits<std::int64_t>::min(),
        std::numeric_limits<std::int64_t>::max()}) {
    check_back(number);
  }
  check_back(std::numeric_limits<std::uint64_t>::max());
  check_back(std::uint64_t{1} << 63);
  check_back(true);
  check_back('x');
  check_back(U'\U0001f600');
  check_back(1.0 / 3);
  check_back(std::numeric_limits<double>::infinity());
  check_back(0.1f);
  check_back(std::complex<double>(1, -2));
  CHECK(std::signbit(mp::pickle::loads<double>(mp::pickle::dumps(-0.0))));
  CHECK(std::isnan(mp::pickle::loads<double>(mp::pickle::dumps(std::nan("")))));
}

TEST_CASE("pickle: strings come back byte for byte", "[pickle]") {
  check_back(std::string());
  check_back(std::string("nul \0 inside", 12));
  check_back(std::string(255, 'a'));
  check_back(std::string(256, 'b'));
  check_back(std::string("gr\u00fc\u00df \u4e2d \U0001f600"));
  check_back(std::wstring(L"gr\u00fc\u00df \U0001f600"));
  check_back(std::u16string(u"\U0001f600 \u4e2d"));
  check_back(std::u32string(U"\U0001f600"));
  check_back(std::u8string(u8"\u4e2d"));
  // Every byte, and all that is nearly UTF-8: overlong, surrogates, cut off, beyond Unicode.
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  check_back(all);
  for (const std::string nearly :
       {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xed\xb3\xbf", "\xed\xb2\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xe4\xb8", "\xf8\x88\x80\x80\x80", "\xed\xb3", "\xff\xfe"}) {
    check_back("a" + nearly + "b");
    check_back(nearly);
  }
}

TEST_CASE("pickle: containers of the standard come back", "[pickle]") {
  check_back(std::vector<std::string>{"a", "b"});
  check_back(std::vector<bool>{true, false, true});
  check_back(std::vector<int>());
  check_back(std::vector<std::vector<int>>{{1, 2}, {}, {3}});
  check_back(std::deque<double>{1, 2});
  check_back(std::list<std::string>{"x"});
  check_back(std::forward_list<int>{1, 2, 3});
  check_back(std::array<int, 3>{1, 2, 3});
  check_back(std::array<std::string, 2>{"a", "b"});
  check_back(std::array<bool, 2>{true, false});
  check_back(std::array<int, 0>{});
  check_back(std::set<int>{3, 1, 2});
  check_back(std::set<std::vector<int>>{{1}, {1, 2}});
  check_back(std::unordered_set<std::string>{"a", "b"});
  check_back(std::multiset<int>{1, 1, 2});
  check_back(std::map<std::string, int>{{"a", 1}, {"b", 2}});
  check_back(std::map<std::pair<int, std::set<int>>, std::vector<int>>{{{1, {2, 3}}, {4}}});
  check_back(std::unordered_map<int, std::string>{{1, "a"}});
  check_back(std::multimap<int, std::string>{{1, "a"}, {1, "b"}});
  check_back(std::pair<int, std::string>{1, "a"});
  check_back(std::tuple<int, double, std::string, bool>{1, 2.0, "c", true});
  check_back(std::tuple<>());
  check_back(std::vector<std::byte>{std::byte{0}, std::byte{255}});
  check_back(std::vector<char>{'a', '\0'});
  check_back(std::filesystem::path("/tmp/some where"));

  std::vector<std::string> many(2500);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = std::to_string(i);
  check_back(many);
  const std::valarray<double> numbers{1.5, 2.5};
  const auto back = mp::pickle::loads<std::valarray<double>>(mp::pickle::dumps(numbers));
  CHECK((back.size() == 2 && back[1] == 2.5));
}

TEST_CASE("pickle: what may be absent or one of several comes back", "[pickle]") {
  check_back(std::optional<int>());
  check_back(std::optional<std::string>("x"));
  using Either = std::variant<int, double, std::string, std::vector<int>, std::vector<std::string>, bool>;
  for (const Either& one : {Either(1), Either(1.0), Either("s"), Either(std::vector<int>{1}),
                            Either(std::vector<std::string>{"x"}), Either(true)}) {
    check_back(one);
  }
  check_back(std::variant<std::monostate, int>());
  CHECK(mp::pickle::loads<std::variant<std::string, double>>(mp::pickle::dumps(5)) ==
        std::variant<std::string, double>(5.0));
  CHECK_THROWS_AS((mp::pickle::loads<std::variant<std::string, double>>(mp::pickle::dumps(mp::list()))),
                  mp::UnpicklingError);

  const auto unique =
      mp::pickle::loads<std::unique_ptr<std::string>>(mp::pickle::dumps(std::make_unique<std::string>("x")));
  CHECK(*unique == "x");
  CHECK(mp::pickle::loads<std::shared_ptr<int>>(mp::pickle::dumps(std::shared_ptr<int>())) == nullptr);
  CHECK(*mp::pickle::loads<std::shared_ptr<const int>>(mp::pickle::dumps(std::make_shared<const int>(7))) == 7);
}

TEST_CASE("pickle: what shared pointers share stays shared", "[pickle]") {
  const auto one = std::make_shared<Plain>(Plain{1, "one", {}, {}});
  using Pointers = std::vector<std::shared_ptr<Plain>>;
  const Pointers many{one, std::make_shared<Plain>(*one), one, nullptr};
  for (int protocol = 2; protocol <= 5; ++protocol) {
    const mp::bytes message = mp::pickle::dumps(many, {.protocol = protocol});
    const mp::object object = mp::pickle::loads(message);
    CHECK((object[0].is(object[2]) && !object[0].is(object[1])));
    for (const auto& back : {mp::pickle::loads<Pointers>(message), object.to<Pointers>()}) {
      CHECK((*back[0] == *one && back[0] == back[2] && back[0] != back[1] && *back[1] == *one && back[3] == nullptr));
    }
  }
  // As another type it is another object; and in a key, which has another form.
  using Both = std::pair<std::shared_ptr<std::vector<int>>, std::shared_ptr<std::list<int>>>;
  const mp::list numbers{1, 2};
  const auto both = mp::pickle::loads<Both>(mp::pickle::dumps(mp::tuple{numbers, numbers}));
  CHECK((*both.first == std::vector<int>{1, 2} && *both.second == std::list<int>{1, 2}));
  const auto key = std::make_shared<std::vector<int>>(3, 7);
  const std::map<std::shared_ptr<std::vector<int>>, std::shared_ptr<std::vector<int>>> map{{key, key}};
  CHECK(repr_of(mp::object(map)) == "{(7, 7, 7): array('i', [7, 7, 7])}");

  struct Ring {
    std::shared_ptr<Ring> next;
  };
  const auto ring = std::make_shared<Ring>();
  ring->next = ring;
  CHECK_THROWS_WITH(mp::pickle::dumps(ring), contains("nested more deeply"));
  ring->next = nullptr;
}

TEST_CASE("pickle: durations and times come back to the microsecond", "[pickle]") {
  check_back(5s);
  check_back(-1us);
  check_back(std::chrono::duration<double>(1.5));
  check_back(std::chrono::hours(-100'000));
  check_back(std::chrono::sys_time<std::chrono::microseconds>(-62135596800s));  // the year 1
  check_back(std::chrono::sys_time<std::chrono::microseconds>(253402300799s + 999999us));
  check_back(std::chrono::steady_clock::time_point(123us));
  CHECK(mp::pickle::loads<std::chrono::nanoseconds>(mp::pickle::dumps(1999ns)) == 1us);
  CHECK(mp::pickle::loads<std::chrono::nanoseconds>(mp::pickle::dumps(-1ns)) == -1us);
  CHECK_THROWS_AS(mp::pickle::dumps(std::chrono::duration<double>(1e300)), mp::PicklingError);
  CHECK_THROWS_AS(mp::pickle::dumps(std::chrono::sys_time<std::chrono::seconds>(253402300800s)), mp::PicklingError);
  CHECK_THROWS_AS(mp::pickle::loads<std::chrono::nanoseconds>(mp::pickle::dumps(std::chrono::hours(10'000'000))),
                  mp::UnpicklingError);
}

TEST_CASE("pickle: aggregates are tuples of their members", "[pickle]") {
  const Plain plain{1, "n", {1.5}, {{"k", std::nullopt}}};
  check_back(plain);
  check_back(Empty{});
  check_back(Constant{4, plain});
  check_back(Node{1, {{2, {}}, {3, {{4, {}}}}}});
  CHECK(repr_of(mp::object(plain)) == "(1, 'n', array('d', [1.5]), {'k': None})");
  CHECK_THROWS_WITH(mp::pickle::loads<Plain>(mp::pickle::dumps(std::tuple(1, "n"))),
                    contains("a tuple of 4 is wanted, not of 2"));
}

TEST_CASE("pickle: described classes are dicts of their members, bases and private ones too", "[pickle]") {
  const Private value(5, "n");
  check_back(value);
  CHECK(repr_of(mp::object(value)) == "{'x': 5, 'name_': 'n', 'array_': array('i', [5, 0])}");
  CHECK(repr_of(mp::pickle::loads(mp::pickle::dumps(std::vector<Base>{{1}, {2}}))) == "[{'x': 1}, {'x': 2}]");
  CHECK_THROWS_WITH(mp::pickle::loads<Base>(mp::pickle::dumps(mp::dict{{"y", 1}})),
                    contains("the member 'x' of Base is missing"));
  CHECK(mp::pickle::loads<Base>(mp::pickle::dumps(mp::dict{{"y", 1}, {"x", 2}})) == Base{2});
}

TEST_CASE("pickle: described classes may be instances of a class of Python's", "[pickle]") {
  check_back(Named{5});
  check_back(std::vector<Named>{{1}, {2}});
  const mp::object object(Named{5});
  CHECK(repr_of(object) == "shop.stock.Shelf.Item(size=5)");
  CHECK(object.type_name() == "Item");
  const auto other = mp::instance::with_state(mp::global("shop.Other"), mp::dict{{"size", 5}});
  CHECK_THROWS_WITH(mp::pickle::loads<Named>(mp::pickle::dumps(other)),
                    contains("an object of shop.Other where shop.stock:Shelf.Item is wanted"));
  // With __slots__ the state is a pair.
  const auto slots =
      mp::instance::with_state(mp::global("shop.stock", "Shelf.Item"), mp::tuple{mp::None, mp::dict{{"size", 6}}});
  CHECK(mp::pickle::loads<Named>(mp::pickle::dumps(slots)) == Named{6});
}

TEST_CASE("pickle: a class sends itself by one function", "[pickle]") {
  check_back(Hooked(1, "b"));
  check_back(std::map<std::string, Hooked>{{"k", Hooked(1, "b")}});
  CHECK(repr_of(mp::object(Hooked(1, "b"))) == "(1, 'b')");
  CHECK(mp::pickle::loads<Friendly>(mp::pickle::dumps(Friendly(3))).loaded());
  CHECK_THROWS_AS(mp::pickle::loads<Hooked>(mp::pickle::dumps(mp::tuple{1})), mp::UnpicklingError);
  CHECK_THROWS_AS(mp::pickle::loads<Hooked>(mp::pickle::dumps(mp::tuple{1, "b", 2})), mp::UnpicklingError);
}

TEST_CASE("pickle: enums are their numbers", "[pickle]") {
  check_back(Small::most);
  check_back(second);
  CHECK_THROWS_AS(mp::pickle::loads<Small>(mp::pickle::dumps(256)), mp::UnpicklingError);
}

TEST_CASE("pickle: exceptions are those of Python", "[pickle]") {
  const auto text = [](const auto& error) { return repr_of(mp::object(error)); };
  CHECK(text(mp::KeyError("k")) == "KeyError('k')");
  CHECK(text(mp::TimeoutError("late")) == "multiprocessing.context.TimeoutError('late')");
  CHECK(text(mp::OSError(ENOENT, std::generic_category(), "open")) == "OSError(2, 'open: No such file or directory')");
  CHECK(text(std::runtime_error("r")) == "RuntimeError('r')");
  CHECK(text(std::out_of_range("o")) == "IndexError('o')");
  CHECK(text(std::bad_alloc()) == "MemoryError('std::bad_alloc')");
  struct Own : mp::ValueError {
    using ValueError::ValueError;
  };
  CHECK(text(Own("mine")) == "ValueError('mine')");
}

TEST_CASE("pickle: what is read from elements of another type is converted, if it fits", "[pickle]") {
  const auto through = []<class To>(const auto& from, To) { return mp::pickle::loads<To>(mp::pickle::dumps(from)); };
  CHECK(through(std::vector<int>{1, 2}, std::vector<double>()) == std::vector<double>{1, 2});
  CHECK(through(std::vector<double>{1, 2}, std::vector<float>()) == std::vector<float>{1, 2});
  CHECK(through(std::vector<std::int64_t>{1, 255}, std::vector<std::uint8_t>()) == std::vector<std::uint8_t>{1, 255});
  CHECK(through(std::list<int>{1, 2}, std::vector<int>()) == std::vector<int>{1, 2});
  CHECK(through(std::vector<int>{1, 2}, std::list<int>()) == std::list<int>{1, 2});
  CHECK(through(std::vector<int>{2, 1}, std::set<int>()) == std::set<int>{1, 2});
  CHECK(through(std::set<int>{1, 2}, std::vector<int>()) == std::vector<int>{1, 2});
  CHECK(through(mp::bytes(std::string("\1\0\2\0", 4)), std::vector<std::uint16_t>()) ==
        std::vector<std::uint16_t>{1, 2});
  CHECK(through(std::vector<int>{1, 2}, std::array<int, 2>()) == std::array<int, 2>{1, 2});
  CHECK_THROWS_AS(through(std::vector<int>{1, 256}, std::vector<std::uint8_t>()), mp::UnpicklingError);
  CHECK_THROWS_AS(through(std::vector<double>{1.5}, std::vector<int>()), mp::UnpicklingError);
  CHECK_THROWS_AS(through(mp::bytes("abc"), std::vector<std::uint16_t>()), mp::UnpicklingError);
  CHECK_THROWS_AS(through(std::vector<int>{1, 2}, std::array<int, 3>()), mp::UnpicklingError);
}

TEST_CASE("pickle: an array is written in one piece", "[pickle]") {
  const std::vector<double> numbers(1000, 1.5);
  const mp::bytes message = mp::pickle::dumps(numbers);
  CHECK(message.size() < 8000 + 100);
  CHECK(message.view().find(std::string_view(reinterpret_cast<const char*>(numbers.data()), 8000)) !=
        std::string_view::npos);
  CHECK(mp::pickle::dumps(std::span<const double>(numbers)).view() == message.view());
  const int three[] = {1, 2, 3};
  CHECK(repr_of(mp::pickle::loads(mp::pickle::dumps(three))) == "array('i', [1, 2, 3])");
  const int square[2][2] = {{1, 2}, {3, 4}};
  CHECK(repr_of(mp::pickle::loads(mp::pickle::dumps(square))) == "[array('i', [1, 2]), array('i', [3, 4])]");
}

TEST_CASE("pickle: a large array is aligned in its message, whatever stands before it", "[pickle]") {
  const std::vector<double> numbers(200, 1.5);
  const std::string_view content(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(double));
  for (std::size_t before = 0; before < 10; ++before) {
    for (int protocol = 3; protocol <= 5; ++protocol) {
      const auto value = std::pair(std::string(before, 'x'), numbers);
      const mp::bytes message = mp::pickle::dumps(value, {.protocol = protocol});
      CHECK(message.view().find(content) % alignof(double) == 0);
      CHECK(mp::pickle::loads<std::pair<std::string, std::vector<double>>>(message) == value);
    }
  }
}

TEST_CASE("pickle: keys are written so that Python can hash them", "[pickle]") {
  CHECK(repr_of(mp::object(std::map<std::vector<int>, int>{{{1, 2}, 3}})) == "{(1, 2): 3}");
  CHECK(repr_of(mp::object(std::set<std::set<std::string>>{{"a"}})) == "{frozenset({'a'})}");
  const std::map<std::map<int, int>, int> impossible{{{{1, 2}}, 3}};
  CHECK_THROWS_AS(mp::pickle::dumps(impossible), mp::PicklingError);
}

TEST_CASE("pickle: protocols that cannot be written are refused", "[pickle]") {
  CHECK_THROWS_AS(mp::pickle::dumps(1, {.protocol = 1}), mp::ValueError);
  CHECK_THROWS_AS(mp::pickle::dumps(1, {.protocol = 6}), mp::ValueError);
}

TEST_CASE("dumps: an instance that its own arguments hold keeps its items once", "[pickle][object]") {
  // made = Class(inner), made.append(made), inner.append(made)
  const std::string message = std::string("cmodule\nClass\nq") + '\0' + "]q\1h" + '\0' + "(h\1tRq\2h\2aa0h\2.";
  mp::object value = mp::pickle::loads(message);
  for (int round = 0; round < 3; ++round) {
    CAPTURE(round);
    CHECK(value.to<mp::instance>().items().size() == 1);
    value = mp::pickle::loads(mp::pickle::dumps(value));
  }
}
