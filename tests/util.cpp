// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/util.hpp>

#include <multiprocessing/process.hpp>

#include "process/program.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

namespace mp = multiprocessing;

namespace {

void say(const std::string& text) { std::cout << text << ' '; }

}  // namespace

TEST_CASE("Finalize: at the end high priorities run first, and the youngest of equal ones", "[util][finalize]") {
  const auto ran = run_program([] {
    mp::Finalize(0, say, "a");
    mp::Finalize(10, say, "b");
    mp::Finalize(10, say, "c");
    mp::Finalize(-100, say, "d");
    mp::Finalize(-5, say, "e");
    mp::Finalize(1, say, "f");
  });
  CHECK(ran.out == "c b f a e d ");
}

TEST_CASE("Finalize: a callback runs once: when called, or at the end", "[util][finalize]") {
  const auto ran = run_program([] {
    const mp::Finalize called(0, say, "called");
    const mp::Finalize cancelled(0, say, "cancelled");
    const mp::Finalize left(0, say, "left");
    std::cout << called.still_active() << cancelled.still_active() << ' ';
    called();
    called();
    cancelled.cancel();
    cancelled();
    std::cout << called.still_active() << cancelled.still_active() << left.still_active() << ' ';
  });
  CHECK(ran.out == "11 called 001 left ");
}

TEST_CASE("Finalize: it takes move-only callbacks and arguments", "[util][finalize]") {
  const auto ran = run_program([] {
    mp::Finalize(0, [p = std::make_unique<int>(4)](std::unique_ptr<int>& q) { std::cout << *p << *q; },
                 std::make_unique<int>(2));
  });
  CHECK(ran.out == "42");
}

TEST_CASE("Finalize: one that throws is reported, and the others still run", "[util][finalize]") {
  const auto ran = run_program([] {
    mp::Finalize(0, say, "after");
    mp::Finalize(1, [] { throw std::runtime_error("broken"); });
  });
  CHECK(ran.out == "after ");
  CHECK(ran.err == "Exception in a finalizer of MainProcess:\nstd::runtime_error: broken\n");
  CHECK(ran.status == 0);
}

TEST_CASE("Finalize: a callback may make, call and cancel others", "[util][finalize]") {
  const auto ran = run_program([] {
    static std::optional<mp::Finalize> victim, called;
    victim.emplace(1, say, "never");
    called.emplace(1, say, "called");
    mp::Finalize(2, [] {
      victim->cancel();
      (*called)();
      mp::Finalize(5, say, "late");
    });
  });
  // As in Python, what is registered with a priority that has passed waits for the second round.
  CHECK(ran.out == "called late ");
}

TEST_CASE("Finalize: a child has none of its parent's, and runs its own", "[util][finalize]") {
  const auto ran = run_program([] {
    const mp::Finalize parents(0, say, "parent");
    mp::Process p([&] {
      std::cout << parents.still_active();
      parents();
      parents.cancel();
      mp::Finalize(1, say, "child");
    });
    p.start();
    p.join();
    std::cout << parents.still_active() << ' ' << std::flush;
    const pid_t pid = ::fork();
    if (pid == 0) {
      std::cout << parents.still_active();
      parents();
      std::exit(0);
    }
    exit_status(pid);
  });
  CHECK(ran.out == "0child 1 0parent ");
}

TEST_CASE("Finalize: what a callback owns is not destroyed in children", "[util][finalize]") {
  const auto ran = run_program([] {
    struct Owner {
      ~Owner() { std::cout << "destroyed in " << mp::current_process().name() << '\n'; }
    };
    mp::Finalize(0, [owner = std::make_shared<Owner>()] {});
    mp::Process p([] {});
    p.start();
    p.join();
  });
  CHECK(ran.out == "destroyed in MainProcess\n");
}

TEST_CASE("Finalize: the callback of one process runs when that process ends by exit", "[util][finalize]") {
  const auto ran = run_program([] {
    mp::Process p([] {
      mp::Finalize(0, say, "finalizer");
      std::atexit([] { std::cout << "handler "; });
      std::exit(3);
    });
    p.start();
    p.join();
    std::cout << p.exitcode();
  });
  CHECK(ran.out == "handler finalizer 3");
}

TEST_CASE("util: is_exiting is true once finalizers run", "[util][exit]") {
  const auto ran = run_program([] {
    mp::Finalize(0, [] { std::cout << mp::is_exiting(); });
    std::cout << mp::is_exiting();
  });
  CHECK(ran.out == "01");
}

TEST_CASE("util: messages have their levels", "[util][logging]") {
  const auto ran = run_program([] {
    mp::log_to_stderr(mp::SUBDEBUG);
    mp::sub_debug("a");
    mp::debug("b");
    mp::info("c");
    mp::sub_warning("d");
  });
  CHECK(ran.err ==
        "[Level 5/MainProcess] a\n[DEBUG/MainProcess] b\n[INFO/MainProcess] c\n[Level 25/MainProcess] d\n");
}
