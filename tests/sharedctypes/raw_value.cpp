// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/sharedctypes/raw_value.hpp>

#include <multiprocessing/text.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <sstream>
#include <type_traits>
#include <utility>

namespace mp = multiprocessing;

namespace {

struct Account {
  long balance = 100;
  int operations = 0;
  bool operator==(const Account&) const = default;
};
struct alignas(64) Line {
  int number = 7;
};

}  // namespace

TEST_CASE("value of a RawValue is a plain reference to memory that processes share", "[sharedctypes][raw_value]") {
  const mp::RawValue<Account> account(5, 6);
  STATIC_REQUIRE(std::is_same_v<decltype(mp::RawValue<Account>::value), Account&>);
  CHECK(in_child([&] {
          account.value.balance += 10;
          ++account.value.operations;
        }) == 0);
  CHECK(account.value == Account{15, 7});
  const auto copy = account.value;
  account.value = Account{1, 1};
  CHECK(copy == Account{15, 7});
  CHECK(&account.get_obj() == &account.value);
}

TEST_CASE("A RawValue is made of a value, of the parts of a struct, or of nothing", "[sharedctypes][raw_value]") {
  mp::RawValue number(0.5);
  STATIC_REQUIRE(std::is_same_v<decltype(number), mp::RawValue<double>>);
  CHECK(number.value == 0.5);
  CHECK(mp::RawValue<int>().value == 0);
  CHECK(mp::RawValue<Account>().value == Account{100, 0});
  CHECK(mp::RawValue<std::array<int, 2>>(3, 4).value[1] == 4);
  const mp::RawValue<Line> a, b;
  CHECK(reinterpret_cast<std::uintptr_t>(&a.value) % 64 == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(&b.value) % 64 == 0);
  CHECK(b.value.number == 7);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<int, mp::RawValue<int>>);
}

TEST_CASE("A number that dies leaves nothing to the next one", "[sharedctypes][raw_value]") {
  for (int round = 0; round < 100; ++round) {
    const mp::RawValue<long> number;
    REQUIRE(number.value == 0);
    number.value = -1;
  }
}

TEST_CASE("A copied RawValue refers to the same object and = binds it to another", "[sharedctypes][raw_value]") {
  mp::RawValue<int> a(1), b(2);
  mp::RawValue<int> c = a;
  c.value = 5;
  CHECK(a.value == 5);
  c = b;
  c.value = 6;
  CHECK(a.value == 5);
  CHECK(b.value == 6);
  c = *&c;
  mp::RawValue<int> moved = std::move(c);
  CHECK(moved.value == 6);
  CHECK(c.value == 6);  // NOLINT(bugprone-use-after-move): moving copies
}

TEST_CASE("An atomic in a RawValue counts for several processes", "[sharedctypes][raw_value]") {
  const mp::RawValue<std::atomic<int>> count(5);
  const auto work = [&] {
    for (int i = 0; i < 10000; ++i) ++count.value;
  };
  const pid_t child = start_child(work);
  work();
  CHECK(exit_status(child) == 0);
  CHECK(count.value == 20005);
  CHECK(mp::repr(count) == "20005");
}

TEST_CASE("The text of a RawValue is Python's", "[sharedctypes][raw_value]") {
  CHECK(mp::repr(mp::RawValue<int>(3)) == "c_int(3)");
  CHECK(mp::repr(mp::RawValue<unsigned char>(255)) == "c_ubyte(255)");
  CHECK(mp::repr(mp::RawValue<float>(0.5f)) == "c_float(0.5)");
  CHECK(mp::repr(mp::RawValue<long long>(3)) == "c_long(3)");
  CHECK(mp::repr(mp::RawValue<wchar_t>(L'x')) == "c_wchar('x')");
  CHECK(mp::repr(mp::RawValue<Account>(1, 2)) == "Account(1, 2)");
  std::ostringstream out;
  out << mp::RawValue<char>('x');
  CHECK(out.str() == "c_char(b'x')");
}
