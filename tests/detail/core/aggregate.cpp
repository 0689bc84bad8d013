// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/core/aggregate.hpp>

#include "support/catch.hpp"

#include <any>
#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

using multiprocessing::detail::member_count;
using multiprocessing::detail::member_t;
using multiprocessing::detail::walkable_aggregate;

namespace {

struct Plain {
  int a;
  std::string b;
  std::any c;
};
struct MovedOnly {
  std::unique_ptr<int> a;
  int b;
};
class NoDefault {
 public:
  explicit NoDefault(int) {}
};
struct HoldsNoDefault {
  NoDefault a;
  int b;
  NoDefault c;
};
struct OnlyReferences {
  int& a;
  const int& b;
  int& c;
};
struct LateReferences {
  int a;
  int& b;
  int& c;
};
struct Arrays {
  std::array<int, 3> a;
  std::array<std::array<int, 2>, 2> b;
  std::pair<int, int> c;
};
struct Nested {
  Plain a;
  Arrays b;
};
struct Bits {
  unsigned a : 1;
  unsigned b : 2;
  unsigned c : 3;
};
struct Large {
  std::array<char, 1 << 20> a;
};
struct HoldsLarge {
  int a;
  Large b;
  std::pair<Large, int> c;
  std::array<Large, 4> d;
};

struct ArrayOfOne {
  int a[1];
};
struct ArrayFirst {
  char a[16];
  int b;
};
struct ArrayInside {
  int a;
  int b[3];
  int c;
};
struct ArrayBeforeReference {
  int a;
  int b[3];
  int& c;
};
struct ArrayOfClasses {
  int a;
  Plain b[2];
};
struct LargeArray {
  char a[1 << 20];
};
struct LargeArrayInside {
  int a;
  char b[1 << 20];
};
struct Base {
  int a;
};
struct Derived : Base {
  int b;
};

struct Four {
  int a, b, c, d;
};
struct TwentyFive {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y;
};
struct Hundred {
  int a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, c0, c1, c2, c3, c4, c5, c6, c7,
      c8, c9, d0, d1, d2, d3, d4, d5, d6, d7, d8, d9, e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, f0, f1, f2, f3, f4, f5,
      f6, f7, f8, f9, g0, g1, g2, g3, g4, g5, g6, g7, g8, g9, h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, i0, i1, i2, i3,
      i4, i5, i6, i7, i8, i9, j0, j1, j2, j3, j4, j5, j6, j7, j8, j9;
};
struct HundredAndOne {
  int a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, c0, c1, c2, c3, c4, c5, c6, c7,
      c8, c9, d0, d1, d2, d3, d4, d5, d6, d7, d8, d9, e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, f0, f1, f2, f3, f4, f5,
      f6, f7, f8, f9, g0, g1, g2, g3, g4, g5, g6, g7, g8, g9, h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, i0, i1, i2, i3,
      i4, i5, i6, i7, i8, i9, j0, j1, j2, j3, j4, j5, j6, j7, j8, j9, k0;
};

}  // namespace

TEST_CASE("aggregate: members are counted, whatever they are made of", "[aggregate]") {
  STATIC_REQUIRE(member_count<Plain> == 3);
  STATIC_REQUIRE(member_count<const Plain> == 3);
  STATIC_REQUIRE(member_count<MovedOnly> == 2);
  STATIC_REQUIRE(member_count<HoldsNoDefault> == 3);
  STATIC_REQUIRE(member_count<OnlyReferences> == 3);
  STATIC_REQUIRE(member_count<LateReferences> == 3);
  STATIC_REQUIRE(member_count<Bits> == 3);
  STATIC_REQUIRE(member_count<Four> == 4);
  STATIC_REQUIRE(member_count<TwentyFive> == 25);
  STATIC_REQUIRE(walkable_aggregate<HoldsNoDefault>);
  STATIC_REQUIRE(walkable_aggregate<LateReferences>);
}

TEST_CASE("aggregate: a std::array or a class is one member, whose braces may not be left out", "[aggregate]") {
  STATIC_REQUIRE(member_count<Arrays> == 3);
  STATIC_REQUIRE(member_count<Nested> == 2);
  STATIC_REQUIRE(walkable_aggregate<Nested>);
  STATIC_REQUIRE(std::is_same_v<member_t<1, Arrays>, std::array<std::array<int, 2>, 2>>);
}

TEST_CASE("aggregate: a large member counts as fast as a small one", "[aggregate]") {
  STATIC_REQUIRE(member_count<Large> == 1);
  STATIC_REQUIRE(member_count<HoldsLarge> == 4);
  STATIC_REQUIRE(walkable_aggregate<HoldsLarge>);
  STATIC_REQUIRE(std::is_same_v<member_t<2, HoldsLarge>, std::pair<Large, int>>);
}

TEST_CASE("aggregate: C arrays and bases are found out", "[aggregate]") {
  STATIC_REQUIRE(walkable_aggregate<ArrayOfOne>);  // as many initialisers as members, so that it can be listed
  STATIC_REQUIRE_FALSE(walkable_aggregate<ArrayFirst>);
  STATIC_REQUIRE_FALSE(walkable_aggregate<ArrayInside>);
  STATIC_REQUIRE_FALSE(walkable_aggregate<ArrayBeforeReference>);
  STATIC_REQUIRE_FALSE(walkable_aggregate<ArrayOfClasses>);
  STATIC_REQUIRE_FALSE(walkable_aggregate<LargeArray>);
  STATIC_REQUIRE_FALSE(walkable_aggregate<LargeArrayInside>);
  STATIC_REQUIRE_FALSE(walkable_aggregate<Derived>);
}

TEST_CASE("aggregate: a hundred members are listed, and no more", "[aggregate]") {
  STATIC_REQUIRE(member_count<Hundred> == 100);
  STATIC_REQUIRE(walkable_aggregate<Hundred>);
  STATIC_REQUIRE_FALSE(walkable_aggregate<HundredAndOne>);
}

TEST_CASE("aggregate: each member is visited in order, and may be changed", "[aggregate]") {
  Four four{1, 2, 3, 4};
  std::size_t visited = 0;
  multiprocessing::detail::for_each_member(four, [&](int& member, std::size_t number) {
    CHECK(number == visited++);
    member *= 10;
  });
  CHECK(visited == 4);
  CHECK(four.a == 10);
  CHECK(four.d == 40);
}
