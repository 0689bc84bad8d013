// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/once.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <optional>
#include <thread>
#include <vector>

using namespace multiprocessing::detail;

TEST_CASE("ProcessWideGuard: one thread at a time", "[detail][once]") {
  int count = 0;  // not atomic: the guard alone keeps the threads apart
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        const ProcessWideGuard guard;
        const ProcessWideGuard again;  // one thread may nest it
        ++count;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(count == 4000);
}

TEST_CASE("ProcessWideGuard: a child forked by its holder can take it", "[detail][once]") {
  const ProcessWideGuard guard;
  CHECK(in_child([] { const ProcessWideGuard in_the_child; }) == 0);
}

TEST_CASE("random_number: is not drawn twice", "[detail][once]") { CHECK(random_number() != random_number()); }
