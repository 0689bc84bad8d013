// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/sharedctypes/states.hpp>

#include <multiprocessing/arena/debug_dump.hpp>
#include <multiprocessing/sharedctypes/array.hpp>
#include <multiprocessing/sharedctypes/value.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <sstream>
#include <string>

namespace mp = multiprocessing;
using namespace mp::detail;

TEST_CASE("A number lies in one cache line with its lock and its header", "[sharedctypes][states]") {
  const auto shared = SharedValue<double>::make([](void* at) { return new (at) double(0.5); });
  const auto line = [](const void* address) { return reinterpret_cast<std::uintptr_t>(address) / cache_line; };
  CHECK(line(shared.at) == line(&header_of(shared.object.unchecked())));
  CHECK(line(shared.at) == line(shared.object.unchecked()));
  CHECK(*shared.at == 0.5);
}

TEST_CASE("A build that throws leaves nothing, and nothing is handed out", "[sharedctypes][states]") {
  const auto fails = [](auto*) -> int* { throw mp::RuntimeError("no"); };
  CHECK_THROWS_AS(SharedValue<int>::make([&](void* at) { return fails(static_cast<int*>(at)); }), mp::RuntimeError);
  CHECK_THROWS_AS(SharedElements<int>::make(1000, [&](int* at) { fails(at); }), mp::RuntimeError);
}

TEST_CASE("debug_dump names the locks of Values and Arrays that are held", "[sharedctypes][states]") {
  const mp::Value<int> v(1);
  const mp::Array<int> a(1);
  const auto dump = [] {
    std::ostringstream out;
    mp::debug_dump(out);
    return out.str();
  };
  v.lock();
  a.lock();
  CHECK_THAT(dump(), contains("lock of Value #"));
  CHECK_THAT(dump(), contains("lock of Array #"));
  v.unlock();
  a.unlock();
  CHECK_THAT(dump(), !contains("lock of Value #"));
}
