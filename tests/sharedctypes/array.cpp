// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/sharedctypes/array.hpp>

#include <multiprocessing/text.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <list>
#include <mutex>
#include <numeric>
#include <optional>
#include <ranges>
#include <sstream>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;
using List = std::vector<int>;

namespace {

struct Job {
  int id = 3;
  double weight = 1;
  bool operator==(const Job&) const = default;
};
struct alignas(64) Line {
  int number = 7;
};
struct NoDefault {
  int x;
  explicit NoDefault(int y) : x(y) {}
};

/// A range that can be read once, and tells its size to nobody.
struct Once {
  std::istringstream text;
  auto begin() { return std::istream_iterator<int>(text); }
  auto end() { return std::istream_iterator<int>(); }
};

}  // namespace

template <>
inline constexpr bool mp::enable_shareable<NoDefault> = true;

TEST_CASE("An Array is made of a size, a list or a range", "[sharedctypes][array]") {
  CHECK(mp::Array<int>(3).slice() == List{0, 0, 0});
  CHECK(mp::Array<int>{3}.slice() == List{3});
  CHECK(mp::Array<int>{1, 2, 3}.slice() == List{1, 2, 3});
  CHECK(mp::Array<int>(mp::range(4)).slice() == List{0, 1, 2, 3});
  CHECK(mp::Array<double>(mp::range(2)).slice() == std::vector<double>{0, 1});
  CHECK(mp::Array<int>(List{4, 5}).slice() == List{4, 5});
  CHECK(mp::Array<int>(std::list<short>{4, 5}).slice() == List{4, 5});
  CHECK(mp::Array<bool>(std::vector<bool>{true, false, true}).slice() == std::vector<bool>{true, false, true});
  CHECK(mp::Array<int>(std::array<long, 2>{6, 7}).slice() == List{6, 7});
  const int plain[] = {8, 9};
  CHECK(mp::Array<int>(plain).slice() == List{8, 9});
  CHECK(mp::Array<int>(Once{std::istringstream("5 6 7")}).slice() == List{5, 6, 7});
  const mp::Array<int> a{1, 2};
  CHECK(mp::Array<double>(a).slice() == std::vector<double>{1, 2});
  CHECK(mp::Array<std::pair<int, char>>{{1, 'a'}, {2, 'b'}}.at(1) == std::pair(2, 'b'));
  CHECK(mp::Array<NoDefault>{NoDefault(4)}.at(0).x == 4);

  mp::Array g{1, 2, 3};
  mp::Array h(std::vector<float>{1, 2});
  mp::Array r(mp::range(3));
  mp::Array t("text");
  STATIC_REQUIRE(std::is_same_v<decltype(g), mp::Array<int>>);
  STATIC_REQUIRE(std::is_same_v<decltype(h), mp::Array<float>>);
  STATIC_REQUIRE(std::is_same_v<decltype(r), mp::Array<int>>);
  STATIC_REQUIRE(std::is_same_v<decltype(t), mp::Array<char>>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<int, mp::Array<int>>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<mp::Array<int>, bool>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<mp::Array<int>, double>);
}

TEST_CASE("A new Array is empty of what lay there before, and structs begin as their defaults",
          "[sharedctypes][array]") {
  for (const std::size_t size : {1u, 10u, 1000u, 300000u}) {
    for (int round = 0; round < 3; ++round) {
      const mp::Array<int> a(size);
      const auto all = a.get_obj();
      REQUIRE(std::ranges::all_of(all, [](int n) { return n == 0; }));
      std::ranges::fill(all, -1);
    }
  }
  CHECK(mp::Array<Job>(2).at(1) == Job{3, 1});
}

TEST_CASE("Sizes that make no sense are refused, and those that do not fit too", "[sharedctypes][array]") {
  CHECK_THROWS_AS(mp::Array<int>(-1), mp::ValueError);
  CHECK_THROWS_WITH(mp::Array<int>(-1), "Array length must be >= 0, not -1");
  CHECK_THROWS_AS(mp::Array<long>(std::numeric_limits<std::size_t>::max()), mp::ArenaFull);
  CHECK_THROWS_AS(mp::Array<long>(std::size_t{1} << 61), mp::ArenaFull);
  CHECK_THROWS_AS(mp::Array<char>(std::numeric_limits<std::int64_t>::max()), mp::ArenaFull);
  const mp::Array<double> none(0), list(std::vector<double>{});
  CHECK(none.empty());
  CHECK(none.begin() == none.end());
  CHECK(none.slice().empty());
  CHECK(none.get_obj().empty());
  none.assign({}, {}, list.slice());
  CHECK_THROWS_AS(none.at(0), mp::IndexError);
  CHECK(mp::repr(none) == "[]");
}

TEST_CASE("Elements are aligned to a cache line from the first on", "[sharedctypes][array]") {
  const mp::Array<char> a(1), b(100);
  const mp::Array<Line> c(3);
  CHECK(reinterpret_cast<std::uintptr_t>(a.get_obj().data()) % 64 == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(b.get_obj().data()) % 64 == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(c.get_obj().data()) % 64 == 0);
  CHECK(c.at(2).number == 7);
}

TEST_CASE("a[i] stands for the element in the expression that names it", "[sharedctypes][array]") {
  const mp::Array<int> a(mp::range(5));
  a[0] = 10;
  a[-1] = a[0];
  a[1] += 5;
  a[2]++;
  --a[std::size_t{3}];
  CHECK(a.slice() == List{10, 6, 3, 2, 10});
  int x = a[1];
  CHECK(x == 6);
  CHECK(a[1] + a[2] == 9);
  CHECK((a[2] < a[1]));
  CHECK((a[0] == 10));
  CHECK((a[1] *= 2) == 12);
  CHECK(a[1].fetch_add(a[2]) == 12);
  CHECK(a[1].exchange(0) == 15);
  int expected = 1;
  CHECK_FALSE(a[1].compare_exchange(expected, 5));
  CHECK(expected == 0);
  CHECK(a[1].with([](int& n) { return n += 4; }) == 4);
  using std::swap;
  swap(a[0], a[1]);
  CHECK(a.slice(0, 2) == List{4, 10});
  const mp::Array<int> b{100};
  swap(a[0], b[0]);
  CHECK(a.at(0) == 100);
  CHECK(b.at(0) == 4);
  std::ostringstream out;
  out << std::hex << b[0] << a[1];
  CHECK(out.str() == "4a");

  const auto copy = a.at(-2);
  STATIC_REQUIRE(std::is_same_v<decltype(copy), const int>);
  CHECK_THROWS_AS(a[5] = 1, mp::IndexError);
  CHECK_THROWS_AS(a[-6] += 1, mp::IndexError);
  CHECK_THROWS_AS(a.at(5), mp::IndexError);
  CHECK_FALSE(a.get_lock().locked());
}

TEST_CASE("Loops read and change the elements", "[sharedctypes][array]") {
  const mp::Array<int> a(mp::range(4));
  for (auto&& n : a) n = -n;
  for (auto& n : a) n -= 1;
  CHECK(a.slice() == List{-1, -2, -3, -4});
  int sum = 0;
  for (int n : a) sum += n;
  for (const auto& n : a) sum += n;
  CHECK(sum == -20);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] *= 2;
  CHECK(std::accumulate(a.begin(), a.end(), 0) == -20);
  CHECK(List(a.begin(), a.end()) == List{-2, -4, -6, -8});
  CHECK(*std::find(a.begin(), a.end(), -6) == -6);
  CHECK(std::count_if(a.begin(), a.end(), [](int n) { return n < -3; }) == 3);
  List copy(4);
  std::copy(a.begin(), a.end(), copy.begin());
  CHECK(copy == a.slice());
  std::transform(copy.begin(), copy.end(), a.begin(), [](int n) { return n + 1; });
  CHECK(a.slice() == List{-1, -3, -5, -7});
  for (auto&& n : mp::Array<int>{1}) CHECK(n == 1);
}

TEST_CASE("Iterators move like pointers", "[sharedctypes][array]") {
  const mp::Array<int> a(mp::range(10));
  auto i = a.begin();
  CHECK(a.end() - i == 10);
  CHECK(*(i + 3) == 3);
  CHECK(*(2 + i) == 2);
  CHECK((i[4] == 4));
  i += 5;
  CHECK(*i++ == 5);
  CHECK(*i-- == 6);
  CHECK(*--i == 4);
  CHECK(*(i -= 2) == 2);
  CHECK(*(i - 1) == 1);
  CHECK(a.begin() < i);
  CHECK(a.end() >= i);
  i[1] = 30;
  *i = 20;
  CHECK(a.slice(2, 4) == List{20, 30});
  STATIC_REQUIRE(std::input_iterator<mp::Array<int>::iterator>);
  STATIC_REQUIRE(std::sized_sentinel_for<mp::Array<int>::iterator, mp::Array<int>::iterator>);
  STATIC_REQUIRE(std::ranges::sized_range<mp::Array<int>>);
}

TEST_CASE("Slices are copies with Python's bounds", "[sharedctypes][array]") {
  const mp::Array<int> a(mp::range(10));
  CHECK(a.slice() == List{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(a.slice(7) == List{7, 8, 9});
  CHECK(a.slice(-3) == List{7, 8, 9});
  CHECK(a.slice(2, 8, 2) == List{2, 4, 6});
  CHECK(a.slice({}, 2) == List{0, 1});
  CHECK(a.slice({}, {}, -3) == List{9, 6, 3, 0});
  CHECK(a.slice(std::nullopt, -8) == List{0, 1});
  CHECK(a.slice(5, 2).empty());
  CHECK(a.slice(8, 100) == List{8, 9});
  CHECK_THROWS_AS(a.slice(0, 1, 0), mp::ValueError);
  auto copy = a.slice(0, 1);
  copy[0] = 5;
  CHECK(a.at(0) == 0);
  CHECK(mp::Array<char>("hello").slice(1, 4) == "ell");
  CHECK(mp::Array<bool>(3).slice(1) == std::vector<bool>{false, false});
}

TEST_CASE("Slices are assigned from as many elements, whatever they are in", "[sharedctypes][array]") {
  const mp::Array<int> a(6);
  a.assign(0, 3, {1, 2, 3});
  a.assign(-3, {}, std::list<long>{4, 5, 6});
  CHECK(a.slice() == List{1, 2, 3, 4, 5, 6});
  a.assign({}, {}, 2, mp::range(3));
  CHECK(a.slice() == List{0, 2, 1, 4, 2, 6});
  a.assign({}, {}, -1, {1, 2, 3, 4, 5, 6});
  CHECK(a.slice() == List{6, 5, 4, 3, 2, 1});
  a.assign(1, 100, List{7, 7, 7, 7, 7});
  CHECK(a.slice() == List{6, 7, 7, 7, 7, 7});
  a.assign(4, 2, List{});
  a.assign(0, a.size(), {0, 1, 2, 3, 4, 5});
  a.assign(1, 6, a.get_obj().first(5));  // overlapping
  CHECK(a.slice() == List{0, 0, 1, 2, 3, 4});
  a.assign(0, 2, mp::Array<int>{8, 9});
  CHECK(a.slice(0, 2) == List{8, 9});
  a.assign(0, 2, Once{std::istringstream("3 4")});
  CHECK(a.slice(0, 2) == List{3, 4});

  const List before = a.slice();
  CHECK_THROWS_WITH(a.assign(0, 3, {1, 2}), contains("Can only assign sequence of same size"));
  CHECK_THROWS_AS(a.assign(0, 4, 2, {1, 2, 3}), mp::ValueError);
  CHECK_THROWS_AS(a.assign({}, {}, 0, {1}), mp::ValueError);
  CHECK(a.slice() == before);

  const mp::Array<char> text("hello");
  text.assign(0, 2, "HE");
  CHECK(text.slice() == "HEllo");
  const mp::Array<std::pair<int, int>> pairs(2);
  pairs.assign(0, 2, {{1, 2}, {3, 4}});
  CHECK(pairs.at(1) == std::pair(3, 4));
}

TEST_CASE("A text of any kind of character makes an Array without the NUL of its literal", "[sharedctypes][array]") {
  CHECK(mp::Array<wchar_t>(L"abc").size() == 3);
  CHECK(mp::repr(mp::Array<char8_t>(u8"ab")) == "['a', 'b']");
  CHECK(mp::Array<char32_t>(std::u32string(U"a\0b", 3)).size() == 3);
  const mp::Array<char16_t> last(u"xyz", mp::Lock());
  CHECK(last.slice() == std::vector<char16_t>{u'x', u'y', u'z'});
}

TEST_CASE("A copied handle refers to the same elements and = binds it to others", "[sharedctypes][array]") {
  mp::Array<int> a{1, 2}, b{3};
  mp::Array<int> c = a;
  c[0] = 9;
  CHECK(a.at(0) == 9);
  c = b;
  CHECK(c.size() == 1);
  c[0] = 4;
  CHECK(b.at(0) == 4);
  mp::Array<int> moved = std::move(c);
  CHECK(moved.at(0) == 4);
  CHECK(c.at(0) == 4);  // NOLINT(bugprone-use-after-move): moving copies
}

TEST_CASE("An Array is Lockable, and with() and get_obj() give all elements", "[sharedctypes][array]") {
  const mp::Array<int> a{3, 1, 2};
  {
    std::scoped_lock guard(a);
    std::ranges::sort(a.get_obj());
    a[0] += 10;
    std::thread([&] {
      CHECK_FALSE(a.try_lock());
      CHECK_FALSE(a.acquire(1ms));
    }).join();
  }
  CHECK(a.slice() == List{11, 2, 3});
  CHECK(a.with([](std::span<int> all) { return std::accumulate(all.begin(), all.end(), 0); }) == 16);
  CHECK_THROWS_AS(a.release(), mp::AssertionError);

  const mp::Lock lock;
  const mp::Array<int> b(2, lock), c({1, 2}, lock), d(mp::range(3), lock), e(d.slice(), b.get_lock());
  const mp::Array<char> f("abc", lock);
  for (const auto& guard : {b.get_lock(), c.get_lock(), d.get_lock(), e.get_lock(), f.get_lock()})
    CHECK(guard == mp::AnyLock(lock));
  std::scoped_lock guard(lock);
  CHECK_FALSE(b.try_lock());
  CHECK_FALSE(f.try_lock());
}

TEST_CASE("Elements changed by several processes are all there", "[sharedctypes][array]") {
  const mp::Array<int> a(3);
  constexpr int rounds = 3000;
  const auto work = [&] {
    for (int i = 0; i < rounds; ++i) {
      a[i % 3] += 1;
      for (auto& n : a) ++n;
    }
  };
  const pid_t first = start_child(work), second = start_child(work);
  work();
  CHECK(exit_status(first) == 0);
  CHECK(exit_status(second) == 0);
  CHECK(a.slice() == List(3, 4 * rounds));
}

TEST_CASE("A slice shows all of an assignment or nothing of it", "[sharedctypes][array]") {
  const mp::Array<int> a(1000);
  const mp::Array<bool> stop(1);
  const pid_t writer = start_child([&] {
    for (int i = 0; !stop.at(0); ++i) a.assign({}, {}, List(1000, i));
  });
  bool torn = false;
  for (int i = 0; i < 2000; ++i) {
    const List seen = a.slice();
    torn = torn || std::ranges::any_of(seen, [&](int n) { return n != seen[0]; });
  }
  stop[0] = true;
  CHECK(exit_status(writer) == 0);
  CHECK_FALSE(torn);
}

TEST_CASE("After its holder was killed an Array can be used at once", "[sharedctypes][array]") {
  const mp::Array<int> a(3);
  REQUIRE(in_child([&] {
            std::scoped_lock guard(a);
            a[0] = 5;
            ::raise(SIGKILL);
          }) == 128 + SIGKILL);
  {
    std::scoped_lock guard(a);
    CHECK(a.get_lock().owner_died());
  }
  CHECK(a.slice() == List{5, 0, 0});
  CHECK_FALSE(a.get_lock().owner_died());
}

TEST_CASE("A handle whose elements are gone throws StaleHandle", "[sharedctypes][array]") {
  std::optional<mp::Array<int>> a(std::in_place, 3);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::_Fork();  // unheard of: the maker does not keep the elements for it
  if (child == 0) {
    char go;
    ::close(ends[1]);
    if (::read(ends[0], &go, 1) != 0) ::_exit(2);
    int stale = 0;
    const auto expect = [&](auto call) {
      try {
        call();
      } catch (const mp::StaleHandle&) {
        ++stale;
      }
    };
    expect([&] { (*a)[0] = 2; });
    expect([&] { (void)a->slice(); });
    expect([&] { a->assign(0, 1, {1}); });
    expect([&] { (void)a->get_obj(); });
    expect([&] { *a->begin() = 1; });
    ::_exit(stale == 5 ? 0 : 1);
  }
  a.reset();
  ::close(ends[0]);
  ::close(ends[1]);
  CHECK(exit_status(child) == 0);
}

TEST_CASE("The text of an Array is that of its elements", "[sharedctypes][array]") {
  CHECK(mp::repr(mp::Array<int>(mp::range(3))) == "[0, 1, 2]");
  CHECK(mp::repr(mp::Array<double>{1, 2.5}) == "[1.0, 2.5]");
  CHECK(mp::repr(mp::Array<bool>(2)) == "[False, False]");
  CHECK(mp::repr(mp::Array<char>("hi")) == "'hi'");
  std::ostringstream out;
  out << mp::Array<int>{1, -1};
  CHECK(out.str() == "[1, -1]");
}
