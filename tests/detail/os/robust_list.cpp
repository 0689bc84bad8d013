// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/robust_list.hpp>

#include "support/catch.hpp"
#include "support/outside.hpp"

#include <multiprocessing/detail/os/futex.hpp>

#include <array>
#include <atomic>
#include <thread>

using namespace multiprocessing::detail;
using namespace std::chrono_literals;

namespace {

/// Whether a sleeper on `word` is woken by the death of a child that runs `name` and is then killed.
template <class Name>
bool woken_by_death(FutexWord& word, Name name) {
  Steps steps;
  const std::uint32_t value = word.load();
  const pid_t sleeper = start_child([&] {
    const auto end = std::chrono::steady_clock::now() + 300ms;
    return futex_wait(std::array{Sleep{&word, value}}, end);
  });
  falls_asleep(sleeper);
  const pid_t victim = start_child([&] {
    name();
    steps.reach(1);
    for (;;) ::pause();
  });
  steps.await(1);
  kill_child(victim);
  return exit_status(sleeper) == 0;
}

}  // namespace

TEST_CASE("RobustList: a thread's own list is found, and its layout learnt", "[detail][robust_list]") {
  const ThreadLayout layout = RobustList::layout_of_this_thread();
  CHECK(layout.list != 0);
  CHECK(layout.id == layout.list - 16);
  CHECK(RobustList::of_this_thread({}));
  std::thread([&] {
    const ThreadLayout other = RobustList::layout_of_this_thread();
    CHECK(other.list == layout.list);
    CHECK(other.id == layout.id);
  }).join();
}

TEST_CASE("RobustList: tells which word is named", "[detail][robust_list]") {
  const RobustList list = RobustList::of_this_thread({});
  const FutexWord outer{0}, inner{0};
  CHECK(list.named() == nullptr);
  list.pending(&outer);
  CHECK(list.named() == &outer);
  list.pending(&inner);
  CHECK(list.named() == &inner);
  list.pending(nullptr);
  CHECK(list.named() == nullptr);
}

TEST_CASE("RobustList: the kernel passes the wake-up on when a thread dies that named a free word",
          "[detail][robust_list]") {
  Outside<FutexWord> word;
  word->store(1u << 31);
  CHECK(woken_by_death(*word, [&] { RobustList::of_this_thread({}).pending(&*word); }));
}

TEST_CASE("RobustList: it does not when the word is held, or no longer named", "[detail][robust_list]") {
  Outside<FutexWord> word;
  word->store(1u << 31 | 1u << 29 | 5);
  CHECK_FALSE(woken_by_death(*word, [&] { RobustList::of_this_thread({}).pending(&*word); }));
  word->store(1u << 31);
  CHECK_FALSE(woken_by_death(*word, [&] {
    const RobustList list = RobustList::of_this_thread({});
    list.pending(&*word);
    list.pending(nullptr);
  }));
}

TEST_CASE("RobustList: a child of the bare clone call is given the list that glibc would have",
          "[detail][robust_list]") {
  const ThreadLayout layout = RobustList::layout_of_this_thread();
  Outside<FutexWord> word;
  CHECK(exit_status(start_by_clone([&] {
          const RobustList list = RobustList::of_this_thread(layout);
          demand(static_cast<bool>(list), "there is a list");
          pthread_mutex_t mutex;
          pthread_mutexattr_t attributes;
          ::pthread_mutexattr_init(&attributes);
          ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
          ::pthread_mutex_init(&mutex, &attributes);
          ::pthread_mutex_lock(&mutex);
          const auto holder = *reinterpret_cast<std::uint32_t*>(&mutex);
          demand((holder & FUTEX_TID_MASK) == this_thread_id(), "a robust mutex names the child, not its parent");
          ::pthread_mutex_unlock(&mutex);
        })) == 0);
}

TEST_CASE("RobustList: such a child is told what to do when the layout is not known", "[detail][robust_list]") {
  CHECK(exit_status(start_by_clone([] {
          demand_throws<multiprocessing::RuntimeError>([] { RobustList::of_this_thread({}); },
                                                       "use the library once before the clone");
        })) == 0);
}

TEST_CASE("RobustList: the main thread knows that it is", "[detail][robust_list]") {
  CHECK(is_main_thread());
  std::thread([] { CHECK_FALSE(is_main_thread()); }).join();
  CHECK(in_child([] { return is_main_thread(); }) == 0);
}

TEST_CASE("RobustList: what is named can be paid before it is named no more", "[detail][robust_list]") {
  FutexWord word{0};
  const RobustList list = RobustList::of_this_thread({});
  CHECK(list.named() == nullptr);
  list.pay();  // nothing is owed
  std::atomic<bool> woken{false};
  std::atomic<pid_t> id{0};
  std::thread sleeper([&] {
    id = static_cast<pid_t>(this_thread_id());
    const auto end = std::chrono::steady_clock::now() + 20s;
    woken = futex_wait(std::array{Sleep{&word, 0}}, end);
  });
  while (id == 0) std::this_thread::yield();
  falls_asleep(id);
  list.pending(&word);
  CHECK(list.named() == &word);
  CHECK(bool(RobustList::known()));
  list.pay();
  sleeper.join();
  CHECK(woken);
  CHECK(list.named() == &word);
  list.pending(nullptr);
  std::thread([] { CHECK_FALSE(RobustList::known()); }).join();
}
