// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/arena/debug_dump.hpp>

#include "support/catch.hpp"
#include "support/fresh_arena.hpp"

#include <multiprocessing/arena/size.hpp>
#include <multiprocessing/synchronize/lock.hpp>
#include <multiprocessing/synchronize/rlock.hpp>

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
