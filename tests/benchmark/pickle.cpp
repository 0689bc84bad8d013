// SPDX-License-Identifier: BSL-1.0
/// \file
/// dumps and loads beside CPython's own pickle, which is written in C, and beside memcpy.
#include "engine/case.hpp"
#include "engine/measure.hpp"
#include "engine/python.hpp"

#include <multiprocessing/object.hpp>
#include <multiprocessing/pickle.hpp>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace benchmark {
namespace {

namespace mp = multiprocessing;

const char cpython[] = "CPython's pickle";
constexpr std::size_t million = 1'000'000;

/// What both sides send, each as its own language has it.
template <class T>
struct Sample {
  std::string python;
  T value;
};

Sample<int> number() { return {"12345", 12345}; }

Sample<std::string> text() { return {R"("hello world")", "hello world"}; }

Sample<std::unordered_map<std::string, std::string>> strings() {
  std::unordered_map<std::string, std::string> all;
  for (int i = 0; i < 100'000; ++i) all["key" + std::to_string(i)] = "value " + std::to_string(i);
  return {R"({f"key{i}": f"value {i}" for i in range(100000)})", std::move(all)};
}

Sample<std::deque<double>> floats() {  // a std::vector would be sent as an array
  std::deque<double> all;
  for (std::size_t i = 0; i < million; ++i) all.push_back(static_cast<double>(i) * 0.5);
  return {"[i * 0.5 for i in range(1000000)]", std::move(all)};
}

Sample<std::vector<double>> array() {
  const auto all = floats();
  return {R"(array.array("d", [i * 0.5 for i in range(1000000)]))", {all.value.begin(), all.value.end()}};
}

template <class T>
Figures dump(const T& value) {
  return {per_call([&] { use(mp::pickle::dumps(value)); }), {}};
}

template <class T>
Figures load(const mp::bytes& message) {
  return {per_call([&] { use(mp::pickle::loads<T>(message)); }), {}};
}

/// What the same takes in Python, where `value` is an expression and `call` another, of `value` and `message`.
Figures python(const std::string& value, const std::string& call) {
  return time_in_python("import array, pickle\nvalue = " + value + "\nmessage = pickle.dumps(value, 4)\ncall = lambda: " + call + '\n',
                        "call()");
}

/// Where there is a Python: beside it. What it works on is made when it is measured.
template <class Value>
void add(Case one, Value value, const std::string& call, bool is_target = true) {
  if (has_python()) {
    one.contenders.push_back(peer(cpython, [value, call] { return python(value(), call); }));
    if (is_target) one.targets.push_back({cpython, 1.0 / 3, {}});
  }
  cases().push_back(std::move(one));
}

/// Both ways, by a type of C++; what is written by one may be read into another.
template <class T, class Read = T>
void add_typed(const std::string& name, const std::string& what, Sample<T> (*sample)()) {
  add({.name = "pickle.dumps." + name,
       .says = "dumps of " + what,
       .contenders = {ours("dumps", [sample] { return dump(sample().value); })}},
      [sample] { return sample().python; }, "pickle.dumps(value, 4)");
  add({.name = "pickle.loads." + name,
       .says = "loads of " + what,
       .contenders = {ours("loads", [sample] { return load<Read>(mp::pickle::dumps(sample().value)); })}},
      [sample] { return sample().python; }, "pickle.loads(message)");
}

/// The standard's map takes its own time to be made and to end, most of what Python takes for its dict.
void add_map() {
  using Map = decltype(strings().value);
  const char what[] = "a dict of 100,000 strings";
  add({.name = "pickle.dumps.dict",
       .says = std::string("dumps of ") + what,
       .contenders = {ours("dumps", [] { return dump(strings().value); })}},
      [] { return strings().python; }, "pickle.dumps(value, 4)");
  const auto build_map = [] {
    const auto from = strings();
    const std::vector<std::pair<std::string, std::string>> ready(from.value.begin(), from.value.end());
    return Figures{per_call([&] {
                     Map map;
                     map.reserve(ready.size());
                     for (const auto& [key, value] : ready) map.emplace(key, value);
                     use(map);
                   }),
                   {}};
  };
  add({.name = "pickle.loads.dict",
       .says = std::string("loads of ") + what + " into a std::unordered_map",
       .contenders = {limit("the map of ready strings", build_map),
                      ours("loads", [] { return load<Map>(mp::pickle::dumps(strings().value)); })},
       .targets = {{"the map of ready strings", 1.5, {}}}},
      [] { return strings().python; }, "pickle.loads(message)", false);
}

/// The same as an mp::object.
template <class T>
void add_object(const std::string& name, const std::string& what, Sample<T> (*sample)()) {
  add({.name = "pickle.dumps." + name + "_object",
       .says = "dumps of an mp::object with " + what,
       .contenders = {ours("dumps", [sample] { return dump(mp::object(sample().value)); })}},
      [sample] { return sample().python; }, "pickle.dumps(value, 4)");
  add({.name = "pickle.loads." + name + "_object",
       .says = "loads into an mp::object of " + what,
       .contenders = {ours("loads", [sample] { return load<mp::object>(mp::pickle::dumps(sample().value)); })}},
      [sample] { return sample().python; }, "pickle.loads(message)");
}

/// What both ways of an array come to: its bytes, in memory that was not there before.
Figures copy() {
  const auto from = array();
  return {per_call([&] {
            const std::size_t size = from.value.size() * sizeof(double);
            const std::unique_ptr<void, void (*)(void*)> to(std::malloc(size), std::free);
            std::memcpy(to.get(), from.value.data(), size);
            use(to);
            barrier();
          }),
          {}};
}

void add_array() {
  const char what[] = "an array of 1,000,000 doubles";
  add({.name = "pickle.dumps.array",
       .says = std::string("dumps of ") + what,
       .contenders = {limit("memcpy", copy), ours("dumps", [] { return dump(array().value); })},
       .targets = {{"memcpy", 1.15, {}}}},
      [] { return array().python; }, "pickle.dumps(value, 4)");
  // Of Python's time two copies are most: no reader could take a third of it.
  add({.name = "pickle.loads.array",
       .says = std::string("loads of ") + what,
       .contenders = {limit("memcpy", copy),
                      ours("loads", [] { return load<std::vector<double>>(mp::pickle::dumps(array().value)); })},
       .targets = {{"memcpy", 1.15, {}}}},
      [] { return array().python; }, "pickle.loads(message)", false);
}

const bool added = [] {
  add_typed("int", "an int", number);
  add_typed("str", "a str of 11 characters", text);
  add_map();
  add_object("dict", "a dict of 100,000 strings", strings);
  add_typed<std::deque<double>, std::vector<double>>("list", "a list of 1,000,000 floats", floats);
  add_object("list", "a list of 1,000,000 floats", floats);
  add_array();
  return true;
}();

}  // namespace
}  // namespace benchmark
