// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/process/target.hpp>

#include "support/catch.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace detail = multiprocessing::detail;

namespace {

using ByValue = void(int);
using ByReference = void(std::vector<int>&);
using ByRvalue = void(std::unique_ptr<int>&&);
using Mixed = void(std::vector<int>&, std::unique_ptr<int>, std::string&);
using Viewed = void(std::string_view);

struct Object {
  void operator()() && {}
};

}  // namespace

static_assert(detail::process_target<ByValue, double>);
static_assert(!detail::process_target<ByValue, const char*>);
static_assert(!detail::process_target<ByValue>);
static_assert(!detail::process_target<ByValue, int, int>);
static_assert(detail::process_target<ByReference, const std::vector<int>&>);
static_assert(detail::process_target<ByRvalue, std::unique_ptr<int>>);
static_assert(detail::process_target<Mixed, std::vector<int>, std::unique_ptr<int>, const char (&)[2]>);
static_assert(detail::process_target<Viewed, const char*>);
static_assert(detail::process_target<void (Object::*)(int), Object, int>);
static_assert(detail::process_target<Object>);  // called as an rvalue: it runs once
static_assert(detail::lvalue_arguments<Mixed*, std::vector<int>, std::unique_ptr<int>, detail::Text>() == 0b101);
static_assert(detail::is_reference_wrapper<std::reference_wrapper<int>> && !detail::is_reference_wrapper<int>);

TEST_CASE("BoundWork: it keeps copies, and passes each as the target asks", "[process][target]") {
  std::vector<int> numbers{1};
  std::string seen;
  const auto target = [&seen](std::vector<int>& own, std::unique_ptr<int> n, std::string text) {
    own.push_back(*n);
    seen = text + std::to_string(own.back()) + std::to_string(own.size());
  };
  detail::BoundWork<std::decay_t<decltype(target)>, std::vector<int>, std::unique_ptr<int>, detail::Text> work(
      target, numbers, std::make_unique<int>(7), "text");
  work.run();
  CHECK(seen == "text72");
  CHECK(numbers.size() == 1);
}
