// SPDX-License-Identifier: BSL-1.0
/// \file
/// libFuzzer on pickle's decoder: whatever the bytes are, they are read or refused, in bounded time and memory; and
/// what was read is written so that it is read alike.
#include "sanitizer.hpp"

#include <multiprocessing/object.hpp>
#include <multiprocessing/pickle.hpp>

#include <boost/describe/class.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace mp = multiprocessing;

namespace {

struct Tree {
  std::vector<Tree> branches;
};

struct Settings {
  int size = 0;
  std::optional<std::string> name;
  std::vector<double> values;
};
BOOST_DESCRIBE_STRUCT(Settings, (), (size, name, values))

using Anything =
    std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<float>, std::vector<std::string>,
                 std::map<std::string, int>, std::tuple<int, std::string>, Settings>;

/// Whether the instructions make sense, which is the same question whatever is to be read.
bool parses(std::string_view message) {
  mp::detail::Message bytes(message, {});
  mp::detail::Tape tape;
  try {
    static_cast<void>(mp::detail::Parser(bytes, tape).parse());
    return true;
  } catch (const mp::UnpicklingError& error) {
    if (error.offset() > message.size()) std::abort();
    return false;
  }
}

template <class T>
void read(std::string_view message) {
  try {
    static_cast<void>(mp::pickle::loads<T>(message));
  } catch (const mp::UnpicklingError& error) {
    if (error.offset() > message.size()) std::abort();
  }
}

void read_object(std::string_view message) {
  mp::object value;
  try {
    value = mp::pickle::loads(message);
  } catch (const mp::UnpicklingError& error) {
    if (error.offset() > message.size()) std::abort();
    return;
  }
  mp::detail::ObjectText text(1 << 16);
  text.append(value);
  try {
    const mp::bytes first = mp::pickle::dumps(value);
    const mp::bytes second = mp::pickle::dumps(mp::pickle::loads(first));
    const mp::bytes third = mp::pickle::dumps(mp::pickle::loads(second));
    if (second.view() != third.view()) std::abort();
    static_cast<void>(mp::pickle::dumps(value, {.protocol = 2}));
  } catch (const mp::PickleError&) {
    // Deeper than can be written, or too much to be read again.
  }
  try {
    static_cast<void>(value.to<std::vector<double>>());
  } catch (const mp::Exception&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  if (!parses(message)) return 0;
  read_object(message);
  read<std::vector<double>>(message);
  read<std::map<std::string, std::vector<int>>>(message);
  read<std::pair<std::chrono::nanoseconds, std::chrono::system_clock::time_point>>(message);
  read<std::set<std::vector<std::uint16_t>>>(message);
  read<Tree>(message);
  read<std::unique_ptr<Settings>>(message);
  read<std::map<std::string, std::shared_ptr<Settings>>>(message);
  read<std::vector<Anything>>(message);
  return 0;
}
