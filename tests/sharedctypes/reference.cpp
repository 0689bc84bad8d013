// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/sharedctypes/reference.hpp>

#include <multiprocessing/sharedctypes/value.hpp>
#include <multiprocessing/text.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <iomanip>
#include <limits>
#include <sstream>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace mp = multiprocessing;

namespace {

struct Point {
  int x = 0;
  int y = 0;
  Point& operator+=(const Point& other) {
    x += other.x;
    y += other.y;
    return *this;
  }
  bool operator==(const Point&) const = default;
};

enum class Color { red, green };

template <class T, class U>
concept can_add = requires(const mp::Value<T>& v, U u) {
  v.value += u;
};
template <class T>
concept can_increment = requires(const mp::Value<T>& v) {
  ++v.value;
};
template <class T>
concept can_shift = requires(const mp::Value<T>& v) {
  v.value <<= 1;
};

}  // namespace

TEST_CASE("v.value reads and writes like the number itself", "[sharedctypes][reference]") {
  const mp::Value<double> v(0.0);
  v.value = 3.5;
  double x = v.value;
  CHECK(x == 3.5);
  CHECK(v.value == 3.5);
  CHECK(3.5 == v.value);
  CHECK(v.value != 3.0);
  CHECK(v.value < 4);
  CHECK(v.value * 2 == 7.0);
  CHECK(-v.value == -3.5);
  CHECK(std::sqrt(v.value) == std::sqrt(3.5));
  CHECK(std::to_string(v.value) == "3.500000");
  CHECK(std::max<double>(v.value, 4) == 4);
  STATIC_REQUIRE(std::is_same_v<decltype(v.value * 2), double>);

  const mp::Value<int> n(2);
  bool chosen = false;
  switch (n.value) {
    case 2: chosen = true; break;
    default: break;
  }
  CHECK(chosen);
  CHECK((n.value ? 1 : 0) == 1);
  CHECK((true ? n.value : 0) == 2);
  const auto& kept = n.value;
  n.value = 5;
  CHECK(kept == 5);
}

TEST_CASE("Each compound assignment does what it does to a plain number and returns the new value",
          "[sharedctypes][reference]") {
  const mp::Value<int> v(13);
  int plain = 13;
  CHECK((v.value += 4) == (plain += 4));
  CHECK((v.value -= 2) == (plain -= 2));
  CHECK((v.value *= 3) == (plain *= 3));
  CHECK((v.value /= 2) == (plain /= 2));
  CHECK((v.value %= 15) == (plain %= 15));
  CHECK((v.value &= 6) == (plain &= 6));
  CHECK((v.value |= 9) == (plain |= 9));
  CHECK((v.value ^= 3) == (plain ^= 3));
  CHECK((v.value <<= 3) == (plain <<= 3));
  CHECK((v.value >>= 1) == (plain >>= 1));
  CHECK(v.value++ == plain++);
  CHECK(++v.value == ++plain);
  CHECK(v.value-- == plain--);
  CHECK(--v.value == --plain);
  CHECK(v.get() == plain);
}

TEST_CASE("Operands of other types are converted as the language does", "[sharedctypes][reference]") {
  const mp::Value<int> n(7);
  n.value += 0.75;  // 7.75, cut
  CHECK(n.get() == 7);
  n.value *= 1.5;
  CHECK(n.get() == 10);
  const mp::Value<unsigned char> small(250);
  small.value += 10;
  CHECK(small.get() == 4);
  small.value <<= 7;
  CHECK(small.get() == 0);
  const mp::Value<std::int64_t> large(std::int64_t{1} << 40);
  large.value += 1;
  CHECK(large.get() == (std::int64_t{1} << 40) + 1);
  const mp::Value<bool> flag(false);
  flag.value |= true;
  CHECK(flag.get());
  const mp::Value<std::complex<double>> c(std::complex<double>(1, 2));
  c.value *= std::complex<double>(0, 1);
  CHECK(c.get() == std::complex<double>(-2, 1));
}

TEST_CASE("Only the operators that T has are there", "[sharedctypes][reference]") {
  STATIC_REQUIRE(can_add<int, int>);
  STATIC_REQUIRE(can_add<Point, Point>);
  STATIC_REQUIRE_FALSE(can_add<Point, int>);
  STATIC_REQUIRE_FALSE(can_add<Color, int>);
  STATIC_REQUIRE_FALSE(can_increment<Point>);
  STATIC_REQUIRE_FALSE(can_increment<bool>);
  STATIC_REQUIRE(can_increment<double>);
  STATIC_REQUIRE_FALSE(can_shift<double>);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<decltype(mp::Value<int>::value)>);

  const mp::Value<Point> p(1, 2);
  CHECK((p.value += Point{3, 4}) == Point{4, 6});
  CHECK(p.value.fetch_add(Point{1, 1}) == Point{4, 6});
  CHECK(p.value == Point{5, 7});
}

TEST_CASE("Assigning one Value's number to another copies it", "[sharedctypes][reference]") {
  const mp::Value<int> a(1), b(2);
  const mp::Value<double> d(0.5);
  a.value = b.value;
  b.value = 3;
  CHECK(a.get() == 2);
  d.value = a.value;
  CHECK(d.get() == 2.0);
  a.value += b.value;
  CHECK(a.get() == 5);
  a.value += a.value;
  CHECK(a.get() == 10);
  a.value = a.value;
  CHECK(a.get() == 10);
  d.value = a.value = 4;
  CHECK(d.get() == 4.0);
}

TEST_CASE("One lock at a time is taken for two Values, so that crossed assignments do not deadlock",
          "[sharedctypes][reference]") {
  const mp::Value<int> a(1), b(2);
  std::thread other([&] {
    for (int i = 0; i < 2000; ++i) {
      a.value = b.value;
      a.value += b.value;
      a.value.fetch_add(b.value);
    }
  });
  for (int i = 0; i < 2000; ++i) {
    b.value = a.value;
    b.value ^= a.value;
    b.value.exchange(a.value);
  }
  other.join();
  CHECK_FALSE(a.get_lock().locked());
  CHECK_FALSE(b.get_lock().locked());
}

TEST_CASE("exchange, fetch_add, fetch_sub return what was, compare_exchange whether it was as expected",
          "[sharedctypes][reference]") {
  const mp::Value<int> v(5);
  CHECK(v.value.exchange(7) == 5);
  CHECK(v.value.fetch_add(3) == 7);
  CHECK(v.value.fetch_sub(1) == 10);
  int expected = 4;
  CHECK_FALSE(v.value.compare_exchange(expected, 100));
  CHECK(expected == 9);
  CHECK(v.get() == 9);
  CHECK(v.value.compare_exchange(expected, 100));
  CHECK(v.get() == 100);
  CHECK(v.value.with([](int& x) { return ++x * 2; }) == 202);
}

TEST_CASE("Changes by several threads are not lost", "[sharedctypes][reference]") {
  const mp::Value<long> v(0);
  constexpr int rounds = 5000;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([v] {
      for (int i = 0; i < rounds; ++i) {
        v.value += 1;
        ++v.value;
        v.value.fetch_add(1);
        for (long seen = v.value; !v.value.compare_exchange(seen, seen + 1);) {
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(v.get() == 3 * 4 * rounds);
}

TEST_CASE("The stream's flags apply to a number in shared memory, and print gives Python's text",
          "[sharedctypes][reference]") {
  const mp::Value<double> v(1.0 / 3);
  const mp::Value<int> n(255);
  std::ostringstream out;
  out << std::fixed << std::setprecision(2) << v.value << ' ' << std::hex << n.value;
  CHECK(out.str() == "0.33 ff");
  v.value = 2;
  CHECK(mp::repr(v.value) == "2.0");
  const mp::Value<char> letter('x');
  CHECK(mp::repr(letter.value) == "'x'");
  std::ostringstream line;
  mp::print({.file = &line}, v.value, letter.value, n.value);
  CHECK(line.str() == "2.0 x 255\n");
}

TEST_CASE("An operator that throws gives the lock back", "[sharedctypes][reference]") {
  const mp::Value<int> v(1);
  CHECK_THROWS_AS(v.value.with([](int& x) {
    x = 2;
    throw mp::RuntimeError("stop");
  }),
                  mp::RuntimeError);
  CHECK_FALSE(v.get_lock().locked());
  CHECK(v.get() == 2);
}
