// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/sharedctypes/value.hpp>

#include <multiprocessing/text.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

struct Account {
  long balance = 100;
  int operations = 0;
  long deposit(long amount) {
    ++operations;
    return balance += amount;
  }
  long total() const { return balance; }
  bool operator==(const Account&) const = default;
};

struct alignas(64) Line {
  int number = 7;
};
struct alignas(32) Half {
  double number = 7;
};
struct Wide {
  std::array<std::uint64_t, 8> words{};
};
enum class Color : short { red, green };

template <class T>
bool aligned(const mp::Value<T>& v) {
  return reinterpret_cast<std::uintptr_t>(&v.get_obj()) % alignof(T) == 0;
}

}  // namespace

TEMPLATE_TEST_CASE("A Value holds any arithmetic type, and begins as zero", "[sharedctypes][value]", bool, char,
                   signed char, unsigned char, wchar_t, char8_t, char16_t, char32_t, short, unsigned short, int,
                   unsigned, long, unsigned long, long long, unsigned long long, float, double, long double) {
  const mp::Value<TestType> zero;
  CHECK(zero.get() == TestType{});
  const mp::Value<TestType> one(TestType{1});
  CHECK(one.get() == TestType{1});
  one.value = zero.value;
  CHECK(one.get() == TestType{});
  CHECK(aligned(one));
  const auto seen = in_child([&] { one.value = TestType{1}; });
  CHECK(seen == 0);
  CHECK(one.value == TestType{1});
}

TEST_CASE("A Value is made of a value, of the parts of a struct, or of nothing", "[sharedctypes][value]") {
  mp::Value number(0.5);
  STATIC_REQUIRE(std::is_same_v<decltype(number), mp::Value<double>>);
  mp::Value same{number};
  STATIC_REQUIRE(std::is_same_v<decltype(same), mp::Value<double>>);
  mp::Value account(Account{1, 2});
  STATIC_REQUIRE(std::is_same_v<decltype(account), mp::Value<Account>>);
  CHECK(account.get() == Account{1, 2});
  CHECK(mp::Value<Account>(5, 6).get() == Account{5, 6});
  CHECK(mp::Value<Account>(5).get() == Account{5, 0});
  CHECK(mp::Value<Account>().get() == Account{100, 0});
  CHECK(mp::Value<std::tuple<int, char>>(std::tuple(1, 'a')).get() == std::tuple(1, 'a'));
  CHECK(mp::Value<std::optional<int>>(3).get() == 3);
  CHECK(mp::Value<Color>(Color::green).value == Color::green);
  CHECK(mp::Value<std::array<int, 3>>(std::array{1, 2, 3}).get()[2] == 3);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<int, mp::Value<int>>);
  STATIC_REQUIRE_FALSE(mp::shareable<mp::Value<int>>);
}

TEST_CASE("Types are aligned as they ask, up to a cache line", "[sharedctypes][value]") {
  const mp::Value<Line> a, b;
  const mp::Value<Half> c, d;
  const mp::Value<long double> e, f;
  CHECK((aligned(a) && aligned(b) && aligned(c) && aligned(d) && aligned(e) && aligned(f)));
  a.with([](Line& line) { ++line.number; });
  CHECK(a.get().number == 8);
  CHECK(b.get().number == 7);
  c.value = Half{1.5};
  CHECK(c.get().number == 1.5);
  CHECK(d.get().number == 7);
}

TEST_CASE("A copied handle refers to the same object and = binds it to another", "[sharedctypes][value]") {
  mp::Value<int> a(1), b(2);
  mp::Value<int> copy = a;
  copy.value = 5;
  CHECK(a.get() == 5);
  copy = b;
  copy.value = 6;
  CHECK(a.get() == 5);
  CHECK(b.get() == 6);
  mp::Value<int> moved = std::move(copy);
  moved.value = 7;
  CHECK(b.get() == 7);
  CHECK(copy.get() == 7);  // NOLINT(bugprone-use-after-move): moving copies
  copy = *&copy;
  CHECK(copy.get() == 7);
  const auto add = [a] { a.value += 1; };  // a lambda's copies are const
  add();
  CHECK(a.get() == 6);
}

TEST_CASE("Members and methods of a struct are reached under the lock", "[sharedctypes][value]") {
  const mp::Value<Account> account(100, 0);
  account[&Account::balance] += 10;
  account[&Account::operations]++;
  CHECK(account.get() == Account{110, 1});
  long balance = account[&Account::balance];
  CHECK(balance == 110);
  CHECK(account(&Account::deposit, 5) == 115);
  CHECK(account(&Account::total) == 115);
  const long left = account.with([&](Account& a) {
    CHECK(account.get_lock().locked());
    a.balance -= 15;
    ++a.operations;
    return a.balance;
  });
  CHECK(left == 100);
  CHECK(account.get() == Account{100, 3});
  account.set(Account{1, 1});
  CHECK(account.value == Account{1, 1});
  account.get_obj().balance = 9;
  CHECK(account.get().balance == 9);
  CHECK_FALSE(account.get_lock().locked());
}

TEST_CASE("A Value is Lockable, and its holder may use it", "[sharedctypes][value]") {
  const mp::Value<int> v(1), w(2);
  {
    std::scoped_lock guard(v, w);
    CHECK(v.get_lock().locked());
    v.value = v.value + 1;  // by the RLock: once more
    CHECK(v.try_lock());
    v.unlock();
    std::thread([&] {
      CHECK_FALSE(v.try_lock());
      CHECK_FALSE(v.acquire(false));
      CHECK_FALSE(v.try_lock_for(1ms));
      CHECK_THROWS_AS(v.release(), mp::AssertionError);
    }).join();
  }
  CHECK_FALSE(v.get_lock().locked());
  CHECK(v.get() == 2);
  CHECK_THROWS_AS(v.release(), mp::AssertionError);
  std::unique_lock timed(v, 5ms);
  CHECK(timed.owns_lock());
}

TEST_CASE("Another Lock or RLock may guard a Value", "[sharedctypes][value]") {
  const mp::Lock lock;
  const mp::RLock rlock;
  const mp::Value<int> a(1, lock), b(2, lock), c(3, rlock), e(lock);
  mp::Value d(4, rlock);
  STATIC_REQUIRE(std::is_same_v<decltype(d), mp::Value<int>>);
  CHECK(a.get_lock() == mp::AnyLock(lock));
  CHECK(c.get_lock() == d.get_lock());
  CHECK_FALSE(a.get_lock() == c.get_lock());
  CHECK(e.get() == 0);
  a.value += b.value;
  CHECK(a.get() == 3);
  {
    std::scoped_lock guard(lock);
    CHECK_FALSE(a.acquire(false));
    CHECK_FALSE(b.try_lock());
    CHECK(c.get() == 3);
  }
  {
    std::scoped_lock guard(rlock);
    d.value = c.value;
    CHECK(d.get() == 3);
  }
  a.lock();
  CHECK(lock.locked());
  a.unlock();
  CHECK_THROWS_AS(a.unlock(), mp::ValueError);
  const mp::Value<int> own(5);
  const mp::Value<int> other(6, own.get_lock());
  CHECK(own.get_lock() == other.get_lock());
  mp::Value<int> rebound(7);
  rebound = a;
  CHECK(rebound.get_lock() == mp::AnyLock(lock));
}

TEST_CASE("Changes by several processes are not lost", "[sharedctypes][value]") {
  const mp::Value<long> number(0);
  const mp::Value<Account> account(0, 0);
  constexpr int rounds = 3000;
  const auto work = [&] {
    for (int i = 0; i < rounds; ++i) {
      number.value += 2;
      account[&Account::balance] -= 1;
      account.with([](Account& a) { ++a.operations; });
      std::scoped_lock guard(number);
      const long seen = number.value;
      number.value = seen + 1;
    }
  };
  const pid_t first = start_child(work), second = start_child(work);
  work();
  CHECK(exit_status(first) == 0);
  CHECK(exit_status(second) == 0);
  CHECK(number.get() == 9 * rounds);
  CHECK(account.get() == Account{-3 * rounds, 3 * rounds});
}

TEST_CASE("A reader never sees half of a struct", "[sharedctypes][value]") {
  const mp::Value<Wide> v;
  const mp::Value<bool> stop(false);
  const pid_t writer = start_child([&] {
    for (std::uint64_t i = 0; !stop.get(); ++i) {
      Wide all;
      all.words.fill(i);
      v.value = all;
    }
  });
  bool torn = false;
  for (int i = 0; i < 20000; ++i) {
    const Wide seen = v.value;
    for (const auto word : seen.words) torn = torn || word != seen.words[0];
  }
  stop.value = true;
  CHECK(exit_status(writer) == 0);
  CHECK_FALSE(torn);
}

TEST_CASE("A read waits for a holder's several steps", "[sharedctypes][value]") {
  const mp::Value<int> v(0);
  v.lock();
  v.value = -1;
  std::thread reader([&] { CHECK(v.get() == 1); });
  v.value = 1;
  v.unlock();
  reader.join();
}

TEST_CASE("After its holder was killed a Value can be used at once, and says what happened", "[sharedctypes][value]") {
  const mp::Value<int> v(1);
  const auto die_holding = [&] {
    return in_child([&] {
      v.lock();
      v.lock();
      v.value = 2;
      ::raise(SIGKILL);
    });
  };
  REQUIRE(die_holding() == 128 + SIGKILL);
  CHECK(v.get() == 2);
  v.value += 1;
  CHECK(v.get() == 3);
  REQUIRE(die_holding() == 128 + SIGKILL);
  {
    std::scoped_lock guard(v);
    CHECK(v.get_lock().owner_died());
    v.value = 10;
  }
  CHECK_FALSE(v.get_lock().owner_died());
  CHECK_FALSE(v.get_lock().locked());
  CHECK(v.get() == 10);
}

TEST_CASE("A child that did not register reads and writes a Value", "[sharedctypes][value]") {
  const mp::Value<int> v(4);
  const pid_t child = ::_Fork();
  if (child == 0) {
    const int seen = v.value;
    v.value = 8;
    ::_exit(seen);
  }
  CHECK(exit_status(child) == 4);
  CHECK(v.get() == 8);
}

TEST_CASE("A handle whose object is gone throws StaleHandle at every access", "[sharedctypes][value]") {
  std::optional<mp::Value<int>> v(1);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::_Fork();  // unheard of: the maker does not keep the object for it
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
    expect([&] { v->value = 2; });
    expect([&] { (void)v->get(); });
    expect([&] { v->lock(); });
    expect([&] { v->get_obj() = 1; });
    expect([&] { v->value += 1; });
    ::_exit(stale == 5 ? 0 : 1);
  }
  v.reset();
  ::close(ends[0]);
  ::close(ends[1]);
  CHECK(exit_status(child) == 0);
}

TEST_CASE("The text of a Value is Python's", "[sharedctypes][value]") {
  CHECK(mp::repr(mp::Value<double>(0.0)) == "<Synchronized wrapper for c_double(0.0)>");
  CHECK(mp::repr(mp::Value<int>(3)) == "<Synchronized wrapper for c_int(3)>");
  CHECK(mp::repr(mp::Value<char>('x')) == "<Synchronized wrapper for c_char(b'x')>");
  CHECK(mp::repr(mp::Value<Account>(1, 2)) == "<Synchronized wrapper for Account(1, 2)>");
  std::ostringstream out;
  out << mp::Value<bool>(true);
  CHECK(out.str() == "<Synchronized wrapper for c_bool(True)>");
}

TEST_CASE("A class that cannot be copied lies in a Value, and is used in place", "[sharedctypes][value]") {
  const mp::Value<std::atomic<int>> v, five(5);
  v.get_obj().fetch_add(3);
  CHECK(v.with([](std::atomic<int>& x) { return x.load(); }) == 3);
  CHECK(five.get_obj() == 5);
}
