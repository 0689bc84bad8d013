// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/shareable.hpp>

#include "support/catch.hpp"

#include <any>
#include <array>
#include <atomic>
#include <bitset>
#include <chrono>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

using multiprocessing::shareable;

namespace {

enum Unscoped { zero };
enum class Scoped : char { a };

struct Empty {};
struct Mixed {
  std::tuple<int, double> t;
  const int n;
};
struct Account {
  long balance = 0;
  int ops = 0;
  const bool open = true;
};
struct Bank {
  std::array<Account, 4> accounts;
  std::pair<int, Account> best;
  std::optional<double> rate;
  std::chrono::system_clock::time_point since;
  Empty nothing;
};

struct Large {
  std::array<char, 1 << 20> bytes;
};
struct HoldsLarge {
  int n;
  Large large;
  std::pair<Large, double> pair;
};
struct LargeArray {
  char bytes[1 << 20];
};
struct LargeWithPointer {
  Large large;
  const char* name;
};

struct HasPointer {
  const char* name;
  int n;
};
struct HasReference {
  int& n;
};
struct HasReferences {
  const int before;
  const int& n;
};
struct HasReferenceBesideTuple {
  std::tuple<int, int> before;
  int& n;
};
struct HasView {
  int n;
  std::string_view name;
};
struct HasString {
  std::string name;
};
struct HoldsAny {
  int n;
  std::any anything;
};
struct HoldsFunction {
  int n;
  std::function<void()> call;
};
struct DeepPointer {
  Bank bank;
  std::array<HasPointer, 2> pointers;
};
struct HasDestructor {
  int descriptor;
  ~HasDestructor() {}
};
struct EmptyDestructor {
  ~EmptyDestructor() {}
};
struct HasVirtual {
  virtual ~HasVirtual() = default;
  int n = 0;
};
struct Base {
  int n;
};
struct Derived : Base {
  int m;
};
struct EmptyDerived : Empty {
  int m;
};
struct CArray {
  int before;
  double grid[3];
};
class Constructed {
 public:
  explicit Constructed(int n) : n_(n) {}
  int n() const { return n_; }

 private:
  int n_;
};
union Either {
  int n;
  double x;
};

struct VouchedArray {
  char name[16];
  std::atomic<int> count;
};
class Vouched {
 public:
  explicit Vouched(int n) : n_(n) {}
  ~Vouched() {}
  int n() const { return n_; }

 private:
  int n_;
};
struct HoldsVouched {
  int n;
  Vouched vouched;
};

}  // namespace

template <>
inline constexpr bool multiprocessing::enable_shareable<VouchedArray> = true;
template <>
inline constexpr bool multiprocessing::enable_shareable<Vouched> = true;

TEST_CASE("shareable: numbers, enums and bytes", "[shareable]") {
  STATIC_REQUIRE(shareable<bool>);
  STATIC_REQUIRE(shareable<char>);
  STATIC_REQUIRE(shareable<std::uint64_t>);
  STATIC_REQUIRE(shareable<double>);
  STATIC_REQUIRE(shareable<long double>);
  STATIC_REQUIRE(shareable<Unscoped>);
  STATIC_REQUIRE(shareable<Scoped>);
  STATIC_REQUIRE(shareable<std::byte>);
  STATIC_REQUIRE(shareable<const int>);
  STATIC_REQUIRE(shareable<volatile int>);
}

TEST_CASE("shareable: arrays and the standard's plain templates, if what they hold is", "[shareable]") {
  STATIC_REQUIRE(shareable<int[3]>);
  STATIC_REQUIRE(shareable<double[2][2]>);
  STATIC_REQUIRE(shareable<std::array<int, 3>>);
  STATIC_REQUIRE(shareable<std::pair<int, double>>);
  STATIC_REQUIRE(shareable<std::tuple<>>);
  STATIC_REQUIRE(shareable<std::tuple<int, std::array<char, 8>>>);
  STATIC_REQUIRE(shareable<std::complex<float>>);
  STATIC_REQUIRE(shareable<std::optional<std::pair<int, int>>>);
  STATIC_REQUIRE(shareable<std::chrono::milliseconds>);
  STATIC_REQUIRE(shareable<std::chrono::steady_clock::time_point>);
  STATIC_REQUIRE(shareable<std::atomic<int>>);
  STATIC_REQUIRE(shareable<std::atomic<Scoped>>);

  STATIC_REQUIRE_FALSE(shareable<int* [3]>);
  STATIC_REQUIRE_FALSE(shareable<int[]>);
  STATIC_REQUIRE_FALSE(shareable<std::array<char*, 3>>);
  STATIC_REQUIRE_FALSE(shareable<std::pair<int, std::string>>);
  STATIC_REQUIRE_FALSE(shareable<std::pair<int&, int>>);
  STATIC_REQUIRE_FALSE(shareable<std::tuple<int, const char*>>);
  STATIC_REQUIRE_FALSE(shareable<std::optional<std::string>>);
  STATIC_REQUIRE_FALSE(shareable<std::optional<int*>>);
  STATIC_REQUIRE_FALSE(shareable<std::optional<Vouched>>);
  STATIC_REQUIRE_FALSE(shareable<std::atomic<int*>>);
  STATIC_REQUIRE_FALSE(shareable<std::atomic<std::array<char, 64>>>);  // not lock-free: its lock is private
}

TEST_CASE("shareable: aggregates, member by member", "[shareable]") {
  STATIC_REQUIRE(shareable<Empty>);
  STATIC_REQUIRE(shareable<Account>);
  STATIC_REQUIRE(shareable<const Account>);
  STATIC_REQUIRE(shareable<Mixed>);
  STATIC_REQUIRE(shareable<Bank>);
  STATIC_REQUIRE(shareable<std::array<Bank, 2>>);
  STATIC_REQUIRE(shareable<std::monostate>);

  STATIC_REQUIRE_FALSE(shareable<HasPointer>);
  STATIC_REQUIRE_FALSE(shareable<HasReference>);
  STATIC_REQUIRE_FALSE(shareable<HasReferences>);
  STATIC_REQUIRE_FALSE(shareable<HasReferenceBesideTuple>);
  STATIC_REQUIRE_FALSE(shareable<HasView>);
  STATIC_REQUIRE_FALSE(shareable<HasString>);
  STATIC_REQUIRE_FALSE(shareable<HoldsAny>);
  STATIC_REQUIRE_FALSE(shareable<HoldsFunction>);
  STATIC_REQUIRE_FALSE(shareable<DeepPointer>);
}

TEST_CASE("shareable: a large type is asked as fast as a small one", "[shareable]") {
  STATIC_REQUIRE(shareable<Large>);
  STATIC_REQUIRE(shareable<HoldsLarge>);
  STATIC_REQUIRE(shareable<std::pair<HoldsLarge, int>>);
  STATIC_REQUIRE(shareable<char[1 << 20]>);
  STATIC_REQUIRE_FALSE(shareable<LargeArray>);
  STATIC_REQUIRE_FALSE(shareable<LargeWithPointer>);
}

TEST_CASE("shareable: pointers, references and views mean nothing elsewhere", "[shareable]") {
  STATIC_REQUIRE_FALSE(shareable<int*>);
  STATIC_REQUIRE_FALSE(shareable<void*>);
  STATIC_REQUIRE_FALSE(shareable<std::nullptr_t>);
  STATIC_REQUIRE_FALSE(shareable<int&>);
  STATIC_REQUIRE_FALSE(shareable<void (*)()>);
  STATIC_REQUIRE_FALSE(shareable<void()>);
  STATIC_REQUIRE_FALSE(shareable<void>);
  STATIC_REQUIRE_FALSE(shareable<int Account::*>);
  STATIC_REQUIRE_FALSE(shareable<int (Constructed::*)() const>);
  STATIC_REQUIRE_FALSE(shareable<std::string_view>);
  STATIC_REQUIRE_FALSE(shareable<std::span<int>>);
  STATIC_REQUIRE_FALSE(shareable<std::reference_wrapper<int>>);
  STATIC_REQUIRE_FALSE(shareable<std::initializer_list<int>>);
  STATIC_REQUIRE_FALSE(shareable<std::unique_ptr<int>>);
  STATIC_REQUIRE_FALSE(shareable<std::vector<int>>);
  STATIC_REQUIRE_FALSE(shareable<std::string>);
}

TEST_CASE("shareable: lambdas, virtual functions and unions are refused", "[shareable]") {
  int n = 0;
  const auto by_reference = [&n] { return n; };
  const auto by_value = [pointer = &n] { return *pointer; };
  STATIC_REQUIRE_FALSE(shareable<decltype(by_reference)>);
  STATIC_REQUIRE_FALSE(shareable<decltype(by_value)>);
  STATIC_REQUIRE_FALSE(shareable<HasVirtual>);
  STATIC_REQUIRE_FALSE(shareable<Either>);
  STATIC_REQUIRE_FALSE(shareable<std::bitset<8>>);
  CHECK(by_reference() == by_value());
}

TEST_CASE("shareable: a destructor of its own says that a class holds more than memory", "[shareable]") {
  STATIC_REQUIRE_FALSE(shareable<HasDestructor>);
  STATIC_REQUIRE_FALSE(shareable<EmptyDestructor>);
}

TEST_CASE("shareable: what cannot be listed needs its author's word", "[shareable]") {
  STATIC_REQUIRE_FALSE(shareable<Derived>);
  STATIC_REQUIRE_FALSE(shareable<EmptyDerived>);
  STATIC_REQUIRE_FALSE(shareable<CArray>);
  STATIC_REQUIRE_FALSE(shareable<Constructed>);
  STATIC_REQUIRE(shareable<VouchedArray>);
  STATIC_REQUIRE(shareable<Vouched>);
  STATIC_REQUIRE(shareable<const Vouched>);
  STATIC_REQUIRE(shareable<HoldsVouched>);
  STATIC_REQUIRE(shareable<std::pair<Vouched, int>>);
  STATIC_REQUIRE(shareable<Vouched[2]>);
}
