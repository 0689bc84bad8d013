// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/pickle/read_number.hpp>

#include "support/catch.hpp"

#include <multiprocessing/object.hpp>
#include <multiprocessing/pickle.hpp>

#include <array>
#include <cstdint>
#include <limits>
#include <list>
#include <string>
#include <vector>

namespace mp = multiprocessing;
using namespace std::string_literals;

namespace {

/// numpy.dtype(name) with a byte order, as NumPy pickles it.
mp::instance dtype(const std::string& name, const std::string& order) {
  auto made = mp::instance(mp::global("numpy.dtype"), mp::tuple{name, false, true});
  const auto state = mp::tuple{3, order, mp::None, mp::None, mp::None, -1, -1, 0};
  mp::detail::ObjectAccess::node_as<mp::detail::InstanceNode>(made).state = state;
  mp::detail::ObjectAccess::node_as<mp::detail::InstanceNode>(made).has_state = true;
  return made;
}

/// An ndarray as protocols up to 4 have it.
mp::instance ndarray(const mp::tuple& shape, const mp::instance& type, const std::string& data,
                     const std::string& module = "numpy.core.multiarray") {
  auto made = mp::instance(mp::global(module + "._reconstruct"),
                           mp::tuple{mp::global("numpy.ndarray"), mp::tuple{0}, mp::bytes("b")});
  auto& node = mp::detail::ObjectAccess::node_as<mp::detail::InstanceNode>(made);
  node.state = mp::tuple{1, shape, type, false, mp::bytes(data)};
  node.has_state = true;
  return made;
}

template <class T>
T through(const mp::object& value) {
  return mp::pickle::loads<T>(mp::pickle::dumps(value));
}

}  // namespace

TEST_CASE("loads: one-dimensional NumPy arrays are vectors", "[pickle][numpy]") {
  const auto shorts = ndarray(mp::tuple{2}, dtype("i2", "<"), "\1\0\xff\xff"s);
  CHECK(through<std::vector<std::int16_t>>(shorts) == std::vector<std::int16_t>{1, -1});
  CHECK(through<std::vector<double>>(shorts) == std::vector<double>{1, -1});
  CHECK(through<std::list<int>>(shorts) == std::list<int>{1, -1});
  CHECK(through<std::array<int, 2>>(shorts) == std::array<int, 2>{1, -1});
  CHECK(shorts.to<std::vector<int>>() == std::vector<int>{1, -1});
  CHECK(through<std::vector<int>>(ndarray(mp::tuple{2}, dtype("i2", ">"), "\0\1\1\0"s)) == std::vector<int>{1, 256});
  CHECK(through<std::vector<double>>(ndarray(mp::tuple{1}, dtype("f8", "<"), "\0\0\0\0\0\0\xf8\x3f"s,
                                             "numpy._core.multiarray")) == std::vector<double>{1.5});
  CHECK(through<std::vector<int>>(ndarray(mp::tuple{0}, dtype("i8", "<"), "")).empty());
  CHECK(through<std::vector<int>>(mp::instance(
            mp::global("numpy.core.numeric._frombuffer"),
            mp::tuple{mp::bytearray("\5\0\0\0"s), dtype("i4", "<"), mp::tuple{1}, "C"})) == std::vector<int>{5});
}

TEST_CASE("loads: other NumPy arrays are refused, and kept as objects", "[pickle][numpy]") {
  const auto square = ndarray(mp::tuple{1, 2}, dtype("i2", "<"), "\1\0\2\0"s);
  CHECK_THROWS_AS(through<std::vector<int>>(square), mp::UnpicklingError);
  CHECK(through<mp::object>(square) == square);
  CHECK_THROWS_AS(through<std::vector<int>>(ndarray(mp::tuple{3}, dtype("i2", "<"), "\1\0\2\0"s)), mp::UnpicklingError);
  CHECK_THROWS_AS(through<std::vector<int>>(ndarray(mp::tuple{1}, dtype("M8", "<"), "\0\0\0\0\0\0\0\0"s)),
                  mp::UnpicklingError);
  CHECK_THROWS_AS(through<std::vector<int>>(ndarray(mp::tuple{1}, dtype("f8", "<"), "\0\0\0\0\0\0\xf8\x3f"s)),
                  mp::UnpicklingError);
}

TEST_CASE("loads: floats of fewer bits are the nearest, if that is finite", "[pickle][array]") {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  CHECK(through<std::vector<float>>(mp::object(std::vector<double>{0.1, infinite})) ==
        std::vector<float>{0.1f, std::numeric_limits<float>::infinity()});
  CHECK_THROWS_AS(through<std::vector<float>>(mp::object(std::vector<double>{1, 1e39})), mp::UnpicklingError);
  CHECK_THROWS_AS(through<std::vector<float>>(mp::list{-1e39}), mp::UnpicklingError);
}

TEST_CASE("loads: scalars of NumPy are numbers", "[pickle][numpy]") {
  const auto scalar = [](const char* type, const std::string& data) {
    return mp::instance(mp::global("numpy.core.multiarray.scalar"), mp::tuple{dtype(type, "<"), mp::bytes(data)});
  };
  CHECK(through<double>(scalar("f8", "\0\0\0\0\0\0\xf8\x3f"s)) == 1.5);
  CHECK(through<int>(scalar("i4", "\5\0\0\0"s)) == 5);
  CHECK_THROWS_AS(through<int>(scalar("f8", "\0\0\0\0\0\0\xf8\x3f"s)), mp::UnpicklingError);
  CHECK_THROWS_AS(through<int>(scalar("i4", "\5\0"s)), mp::UnpicklingError);
}

TEST_CASE("loads: arrays of other systems are turned round", "[pickle][array]") {
  // array('h', [1, 256]) of a big-endian machine: format 5.
  const std::string message =
      "\x80\x04"
      "carray\n_array_reconstructor\n(carray\narray\n\x8c\x01hK\x05"
      "C\x04\x00\x01\x01\x00tR."s;
  CHECK(repr_of(mp::pickle::loads(message)) == "array('h', [1, 256])");
  CHECK(mp::pickle::loads<std::vector<short>>(message) == std::vector<short>{1, 256});
  CHECK(mp::pickle::loads<std::vector<float>>(message) == std::vector<float>{1, 256});
  // 'l' had four bytes there: format 8 says so.
  const std::string longs =
      "\x80\x04"
      "carray\n_array_reconstructor\n(carray\narray\n\x8c\x01lK\x08"
      "C\x04\x01\x00\x00\x00tR."s;
  CHECK(repr_of(mp::pickle::loads(longs)) == "array('i', [1])");
  // Numbers that do not fit, and no whole number of elements, are left to Python.
  CHECK(mp::pickle::loads("\x80\x02"
                          "carray\narray\nX\x01\0\0\0b]M\xff\xff"
                          "a\x86R."s)
            .type_name() == "array");
}
