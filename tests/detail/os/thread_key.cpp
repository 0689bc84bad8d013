// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/thread_key.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <atomic>
#include <string>
#include <thread>

using namespace multiprocessing::detail;

namespace {

std::atomic<void*> seen_at_end{nullptr};
bool object_is_gone_at_end = false;
thread_local bool object_is_gone = false;

struct Object {
  ~Object() { object_is_gone = true; }
};

std::string calls;

}  // namespace

TEST_CASE("ThreadKey: its value is each thread's own, and is handed over when the thread ends",
          "[detail][thread_key]") {
  const ThreadKey key = make_thread_key([](void* value) {
    seen_at_end = value;
    object_is_gone_at_end = object_is_gone;
  });
  int mine = 0, others = 0;
  set_thread_value(key, &mine);
  std::thread([&] {
    CHECK(get_thread_value(key) == nullptr);
    thread_local Object object;
    [[maybe_unused]] const volatile Object* used = &object;
    set_thread_value(key, &others);
    CHECK(get_thread_value(key) == &others);
  }).join();
  CHECK(seen_at_end == &others);
  CHECK(object_is_gone_at_end);  // later than thread_local objects, which may still use locks in their destructors
  CHECK(get_thread_value(key) == &mine);
  set_thread_value(key, nullptr);
}

TEST_CASE("at_fork: before in the parent, then each side its own", "[detail][thread_key]") {
  at_fork([] { calls += "before "; }, [] { calls += "parent "; }, [] { calls += "child "; });
  calls.clear();
  CHECK(in_child([] { return calls == "before child "; }) == 0);
  CHECK(calls == "before parent ");
}
