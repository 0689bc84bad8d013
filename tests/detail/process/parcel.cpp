// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/process/parcel.hpp>

#include "support/catch.hpp"

#include <multiprocessing/pickle.hpp>

#include <boost/describe/class.hpp>

#include <array>
#include <chrono>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <valarray>
#include <variant>
#include <vector>

namespace mp = multiprocessing;

namespace {

enum class Colour : std::uint8_t { red, green };

struct Tree {
  int value = 0;
  std::vector<Tree> children;
  bool operator==(const Tree&) const = default;
};

struct Link {
  std::shared_ptr<Link> next;
};

/// Nested without an end that data could reach, and without a pointer of which there are two.
struct Nest {
  std::unique_ptr<Nest> inner;
};

class Described {
 public:
  Described() = default;
  Described(int number, std::string text) : number_(number), text_(std::move(text)) {}
  bool operator==(const Described&) const = default;

 private:
  int number_ = 0;
  std::string text_;
  BOOST_DESCRIBE_CLASS(Described, (), (), (), (number_, text_))
};

class Itself {
 public:
  explicit Itself(int value = 0) : value_(value) {}
  template <class Archive>
  void serialize(Archive& archive) {
    archive(value_);
    if (Archive::loading) rebuilt_ = true;
  }
  int value() const { return rebuilt_ ? value_ : -1; }

 private:
  int value_;
  bool rebuilt_ = false;
};

template <class T>
T through(const T& value) {
  mp::detail::ParcelWriter writer;
  writer(value);
  const std::string bytes = writer.finish();
  mp::detail::ParcelReader reader = mp::detail::ParcelReader::of_finished(bytes);
  T made = reader.make<T>();
  CHECK(reader.rest().empty());
  return made;
}

template <class T>
bool survives(const T& value) {
  return through(value) == value;
}

}  // namespace

TEST_CASE("Parcel: a value of each kind is the same on the other side", "[process][parcel]") {
  CHECK(survives(true));
  CHECK(survives(-7));
  CHECK(survives(std::uint64_t{1} << 63));
  CHECK(survives(0.1L));
  CHECK(survives('x'));
  CHECK(survives(Colour::green));
  CHECK(survives(std::byte{9}));
  CHECK(survives(nullptr));
  CHECK(survives(std::monostate()));
  CHECK(survives(std::string("with \0 inside", 13)));
  CHECK(survives(std::u32string(U"wide")));
  CHECK(survives(std::filesystem::path("/a/b")));
  CHECK(survives(std::complex<float>(1, 2)));
  CHECK(survives(std::chrono::nanoseconds(1)));
  CHECK(survives(std::chrono::system_clock::time_point(std::chrono::nanoseconds(123456789))));
  CHECK(survives(std::optional<int>()));
  CHECK(survives(std::optional<std::optional<int>>(std::optional<int>())));
  CHECK(survives(std::variant<int, long, std::string>(2L)));
  CHECK(survives(std::pair<int, std::string>(1, "p")));
  CHECK(survives(std::tuple<int, std::tuple<>, std::string>(1, {}, "t")));
  CHECK(survives(Tree{1, {{2, {}}, {3, {{4, {}}}}}}));
  CHECK(survives(Described(4, "four")));
  CHECK(through(Itself(5)).value() == 5);
}

TEST_CASE("Parcel: containers arrive with all that is in them", "[process][parcel]") {
  CHECK(survives(std::vector<double>{0.5, -1}));
  CHECK(survives(std::vector<double>()));
  CHECK(survives(std::vector<bool>{true, false, true}));
  CHECK(survives(std::vector<Colour>{Colour::green, Colour::red}));
  CHECK(survives(std::vector<std::string>{"a", "", "b"}));
  CHECK(survives(std::deque<int>{1, 2}));
  CHECK(survives(std::list<std::string>{"x", "y"}));
  CHECK(survives(std::forward_list<int>{3, 1, 2}));
  CHECK(survives(std::set<std::string>{"b", "a"}));
  CHECK(survives(std::multiset<int>{2, 1, 2}));
  CHECK(survives(std::unordered_set<int>{1, 5}));
  CHECK(survives(std::map<std::string, std::vector<int>>{{"a", {1}}, {"b", {}}}));
  CHECK(survives(std::multimap<int, int>{{1, 2}, {1, 1}, {0, 3}}));
  CHECK(survives(std::unordered_map<int, std::string>{{1, "x"}, {2, "y"}}));
  CHECK(survives(std::array<int, 3>{1, 2, 3}));
  CHECK(survives(std::array<bool, 2>{true, false}));
  CHECK(survives(std::array<std::string, 2>{"a", "b"}));
  const auto numbers = through(std::valarray<double>{1, 2.5});
  CHECK((numbers.size() == 2 && numbers[1] == 2.5));
}

TEST_CASE("Parcel: what pointers share stays shared, and a circle is refused", "[process][parcel]") {
  const auto one = std::make_shared<int>(7);
  const auto all = through(std::vector<std::shared_ptr<int>>{one, nullptr, one, std::make_shared<int>(7)});
  CHECK((*all[0] == 7 && all[0] == all[2] && all[1] == nullptr && all[3] != all[0]));
  CHECK(*through(std::make_unique<std::string>("own")) == "own");
  const auto circle = std::make_shared<Link>();
  circle->next = circle;
  CHECK_THROWS_WITH(through(circle), contains("leads back to itself"));
  circle->next = nullptr;
}

TEST_CASE("Parcel: what is nested too deep for the stack is refused", "[process][parcel]") {
  Nest outer;
  Nest* last = &outer;
  for (int i = 0; i < 100'000; ++i) last = (last->inner = std::make_unique<Nest>()).get();
  CHECK_THROWS_AS(through(outer), mp::PicklingError);
  while (outer.inner != nullptr) outer.inner = std::exchange(outer.inner->inner, nullptr);
}

TEST_CASE("Parcel: objects go along, and what they share stays shared", "[process][parcel]") {
  const mp::list inner{1, "two"};
  const auto [first, second] = through(std::pair<mp::object, mp::list>(mp::dict{{"k", inner}}, inner));
  CHECK(first == mp::dict{{"k", mp::list{1, "two"}}});
  second.append(3);
  CHECK(first["k"].size() == 3);
}

TEST_CASE("Parcel: functions and members are found again", "[process][parcel]") {
  CHECK(survives(&through<int>));
  CHECK(survives(static_cast<int (*)(const int&)>(nullptr)));
  CHECK(survives(&Itself::value));
  CHECK(survives(&Tree::children));
}

TEST_CASE("Parcel: what was cut short is refused", "[process][parcel]") {
  mp::detail::ParcelWriter writer;
  writer(std::vector<std::string>{"a", "bc"}, 5);
  const std::string bytes(writer.view());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    mp::detail::ParcelReader reader(std::string_view(bytes).substr(0, size));
    std::vector<std::string> strings;
    int number = 0;
    CHECK_THROWS_AS(reader(strings, number), mp::UnpicklingError);
  }
  CHECK_THROWS_AS(mp::detail::ParcelReader::of_finished("short"), mp::UnpicklingError);
}
