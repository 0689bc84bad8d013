// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/arena/debug_dump.hpp>

#include "support/catch.hpp"
#include "support/fresh_arena.hpp"

#include <multiprocessing/arena/size.hpp>
#include <multiprocessing/synchronize.hpp>

#include <algorithm>
#include <locale>
#include <mutex>
#include <sstream>
#include <thread>

namespace mp = multiprocessing;

namespace {

std::string dump() {
  std::ostringstream out;
  mp::debug_dump(out);
  return out.str();
}
/// The lines of a dump that hold `text`.
std::string lines_with(const std::string& text) {
  std::istringstream in(dump());
  std::string found;
  for (std::string line; std::getline(in, line);)
    if (line.find(text) != std::string::npos) found += line + '\n';
  return found;
}
std::string number_of(const std::string& line, const std::string& kind) {
  const auto at = line.find(kind + " #");
  return at == std::string::npos ? "" : line.substr(at, line.find_first_of(" :\n", at + kind.size() + 2) - at);
}

}  // namespace

TEST_CASE("debug_dump: shows this process and thread, and the arena", "[arena][debug_dump]") {
  const mp::Lock lock;
  lock.acquire();
  const std::string id = std::to_string(::getpid());
  CHECK_THAT(dump(), contains("arena: ") && contains(" bytes") && contains("taken over from the dead"));
  CHECK_THAT(dump(), contains("process " + id + ": alive"));
  CHECK_THAT(dump(), contains("thread " + id));
  lock.release();
}

TEST_CASE("debug_dump: its numbers are plain, whatever the stream's locale and flags", "[arena][debug_dump]") {
  struct Grouped : std::numpunct<char> {
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  const mp::Lock lock;
  std::ostringstream out;
  out.imbue(std::locale(std::locale::classic(), new Grouped));
  out << std::hex;
  mp::debug_dump(out);
  CHECK(out.str() == dump());
}

TEST_CASE("debug_dump: says who holds what", "[arena][debug_dump]") {
  const mp::Lock lock;
  const mp::RLock rlock;
  const std::string id = std::to_string(::getpid());
  CHECK(lines_with("Lock #").empty());
  lock.acquire();
  rlock.acquire();
  CHECK_THAT(lines_with("Lock #"), contains("\nRLock #") && contains(": held by thread " + id + " of process " + id));
  lock.release();
  rlock.release();
  CHECK(lines_with("Lock #").empty());
}

TEST_CASE("debug_dump: says who waits for whom", "[arena][debug_dump]") {
  const mp::Lock lock;
  lock.acquire();
  const pid_t waiter = start_child([&] { lock.acquire(); });
  const std::string thread = "thread " + std::to_string(waiter) + ": waits for ";
  REQUIRE(wait_until([&] { return !lines_with(thread).empty(); }));
  const std::string id = std::to_string(::getpid());
  CHECK_THAT(lines_with(thread),
             contains(number_of(lines_with(": held by"), "Lock") + " held by thread " + id + " of process " + id));
  lock.release();
  CHECK(exit_status(waiter) == 0);
}

TEST_CASE("debug_dump: says who died holding, and who died where", "[arena][debug_dump]") {
  const mp::Lock lock, busy;
  busy.acquire();
  const pid_t child = start_child([&] {
    lock.acquire();
    busy.acquire();
  });
  REQUIRE(wait_until([&] { return !lines_with("thread " + std::to_string(child) + ": waits for").empty(); }));
  kill_child(child);
  CHECK_THAT(lines_with("thread " + std::to_string(child)),
             contains(": dead, waits for Lock #") && contains(", which is dead"));
  CHECK_THAT(lines_with("process " + std::to_string(child) + ":"), contains("gone, to be reclaimed"));
  lock.acquire();
  CHECK_THAT(dump(), contains(" 1 locks taken over from the dead"));
  lock.release();
  busy.release();
}

TEST_CASE("debug_dump: names whatever is waited for, and says how that stands", "[arena][debug_dump]") {
  const mp::RWLock rwlock;
  const mp::Event event;
  const mp::Barrier barrier(3);
  const mp::Condition condition;
  rwlock.acquire_shared();
  const std::string id = std::to_string(::getpid());
  const auto line_of_waiter = [](pid_t waiter) {
    const std::string thread = "thread " + std::to_string(waiter) + ": waits for ";
    REQUIRE(wait_until([&] { return !lines_with(thread).empty(); }));
    return lines_with(thread);
  };
  const pid_t writer = start_child([&] { rwlock.acquire(); });
  CHECK_THAT(line_of_waiter(writer), contains("RWLock #"));
  CHECK_THAT(lines_with("RWLock #"), contains(": read by thread " + id + " of process " + id));
  const pid_t listener = start_child([&] { event.wait(); });
  CHECK_THAT(line_of_waiter(listener), contains("Event #"));
  CHECK_THAT(lines_with("Event #"), contains(": unset"));
  const pid_t party = start_child([&] {
    try {
      barrier.wait();
    } catch (const mp::BrokenBarrierError&) {
    }
  });
  CHECK_THAT(line_of_waiter(party), contains("Barrier #"));
  CHECK_THAT(lines_with("Barrier #"), contains(": 1 of 3 have arrived"));
  const pid_t sleeper = start_child([&] {
    const std::scoped_lock guard(condition);
    condition.wait();
  });
  CHECK_THAT(line_of_waiter(sleeper), contains("Condition #"));
  CHECK_THAT(lines_with("Condition #"), contains(": 1 wait to be notified"));

  const mp::Semaphore semaphore(1);
  semaphore.acquire();
  const pid_t taker = start_child([&] { semaphore.acquire(); });
  CHECK_THAT(line_of_waiter(taker), contains("Semaphore #"));
  CHECK_THAT(lines_with("Semaphore #"), contains(": value 0; held by thread " + id + " of process " + id));
  semaphore.release();

  rwlock.release_shared();
  event.set();
  barrier.abort();
  {
    const std::scoped_lock guard(condition);
    condition.notify();
  }
  for (const pid_t child : {writer, listener, party, sleeper, taker}) CHECK(exit_status(child) == 0);
}

TEST_CASE("debug_dump: finds those who wait for each other for ever", "[arena][debug_dump]") {
  const mp::Lock left, right;
  const mp::RWLock bystander;
  CHECK(lines_with("deadlock").empty());
  const mp::Barrier both(2);
  const auto take = [&](const mp::Lock& mine, const mp::Lock& others) {
    return start_child([&] {
      mine.acquire();
      both.wait();
      others.acquire();
    });
  };
  const pid_t a = take(left, right), b = take(right, left);
  const auto third = start_child([&] { left.acquire(); });  // waits too, but nobody for it
  REQUIRE(wait_until([&] { return !lines_with("deadlock: ").empty(); }));
  const std::string line = lines_with("deadlock: ");
  CHECK_THAT(line, contains("thread " + std::to_string(a)) && contains("thread " + std::to_string(b)) &&
                       contains(", which waits for Lock #"));
  CHECK(std::count(line.begin(), line.end(), '\n') == 1);
  for (const pid_t child : {a, b, third}) kill_child(child);
}

TEST_CASE("debug_dump: takes no lock: it also serves where the arena's own are held for ever", "[arena][debug_dump]") {
  CHECK(in_fresh_arena([] {
          const mp::Lock lock;
          lock.acquire();
          mp::detail::ArenaHeader& header = mp::detail::the_arena().header();
          header.registry.lock();
          header.chunks.lock();
          std::string text;
          std::thread([&] { text = dump(); }).join();
          demand(text.find("Lock #") != std::string::npos, "it is written");
        }) == 0);
}

TEST_CASE("debug_dump: is right while others allocate, free and end", "[arena][debug_dump]") {
  std::atomic<bool> done{false};
  std::thread busy([&] {
    while (!done) {
      std::thread([] {
        const mp::Lock lock;
        lock.acquire();
      }).join();
    }
  });
  for (int i = 0; i < 50; ++i) CHECK_THAT(dump(), contains("arena: "));
  done = true;
  busy.join();
}
