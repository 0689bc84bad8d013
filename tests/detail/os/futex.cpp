// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/futex.hpp>

#include "support/catch.hpp"
#include "support/outside.hpp"

#include <array>
#include <thread>

using namespace multiprocessing::detail;
using namespace std::chrono_literals;

namespace {

auto in(std::chrono::nanoseconds time) { return std::chrono::steady_clock::now() + time; }

/// Wakes until somebody was there to be woken: a sleeper can't be seen from outside just before it sleeps.
int wake_one_when_it_sleeps(const FutexWord& word) {
  int woken = 0;
  wait_until([&] { return (woken = futex_wake(word, 1)) != 0; });
  return woken;
}

}  // namespace

TEST_CASE("futex: a wake-up without a sleeper wakes nobody and says so", "[detail][futex]") {
  const FutexWord word{1};
  CHECK(futex_wake(word, all_waiters) == 0);
}

TEST_CASE("futex: a word that holds another value is not slept on", "[detail][futex]") {
  const FutexWord word{1}, other{2};
  CHECK(futex_wait(std::array{Sleep{&word, 7}}, in(1h)));
  CHECK(futex_wait(std::array{Sleep{&word, 1}, Sleep{&other, 7}}, in(1h)));
}

TEST_CASE("futex: a sleep ends at its moment, not before, and tells that only time has passed", "[detail][futex]") {
  const FutexWord word{1}, other{2};
  const auto moment = in(20ms);
  bool woken = true;
  while (woken) woken = futex_wait(std::array{Sleep{&word, 1}}, moment);
  CHECK(std::chrono::steady_clock::now() >= moment);

  const auto later = in(20ms);
  woken = true;
  while (woken) woken = futex_wait(std::array{Sleep{&word, 1}, Sleep{&other, 2}}, later);
  CHECK(std::chrono::steady_clock::now() >= later);
}

TEST_CASE("futex: a moment in the past ends the sleep at once", "[detail][futex]") {
  const FutexWord word{1};
  CHECK_FALSE(futex_wait(std::array{Sleep{&word, 1}}, in(-1ms)));
}

TEST_CASE("futex: a sleeper of another process is woken by any of its words", "[detail][futex]") {
  struct Words {
    FutexWord first{1}, second{2}, third{3};
  };
  Outside<Words> words;
  const auto sleep = [&] {
    return futex_wait(std::array{Sleep{&words->first, 1}, Sleep{&words->second, 2}, Sleep{&words->third, 3}}, in(20s));
  };
  for (const FutexWord* word : {&words->first, &words->second, &words->third}) {
    const pid_t child = start_child(sleep);
    CHECK(wake_one_when_it_sleeps(*word) == 1);
    CHECK(exit_status(child) == 0);
  }
}

TEST_CASE("futex: a wake-up for one leaves the other asleep", "[detail][futex]") {
  Outside<FutexWord> word;
  const auto sleep = [&] { return futex_wait(std::array{Sleep{&*word, 0}}, in(20s)); };
  const pid_t first = start_child(sleep), second = start_child(sleep);
  CHECK(wake_one_when_it_sleeps(*word) == 1);
  CHECK(wake_one_when_it_sleeps(*word) == 1);
  CHECK(futex_wake(*word, all_waiters) == 0);
  CHECK(exit_status(first) == 0);
  CHECK(exit_status(second) == 0);
}

TEST_CASE("futex: where waiting on several words is refused, the first is waited on alone", "[detail][futex]") {
  const int error = GENERATE(ENOSYS, EPERM);
  CAPTURE(error);
  CHECK(in_child([error] {
          refuse_system_call(os::sys_futex_waitv, error);
          const FutexWord word{1}, other{2};
          const std::array sleeps{Sleep{&word, 1}, Sleep{&other, 2}};
          demand(futex_waitv_works(), "until the first sleep it is taken to work");
          demand(futex_wait(sleeps, in(1h)), "the first sleep ends early");
          demand(!futex_waitv_works(), "then it is known not to");
          const auto moment = in(20ms);
          while (futex_wait(sleeps, moment)) {
          }
          demand(std::chrono::steady_clock::now() >= moment, "and a sleep ends at its moment");
          demand(futex_wait(std::array{Sleep{&word, 7}, Sleep{&other, 2}}, in(1h)), "the first word is looked at");
        }) == 0);
}

TEST_CASE("futex: 128 words can be slept on, as the kernel says", "[detail][futex]") {
  std::array<FutexWord, max_sleeps> words{};
  std::array<Sleep, max_sleeps> sleeps;
  for (std::size_t i = 0; i < max_sleeps; ++i) sleeps[i] = {&words[i], 0};
  std::thread waker([&] { CHECK(wake_one_when_it_sleeps(words.back()) == 1); });
  CHECK(futex_wait(sleeps, in(20s)));
  waker.join();
}
