// SPDX-License-Identifier: BSL-1.0
#define DEBUG 1  // as many a build has it
#define ERROR "error"
#include <multiprocessing/logging.hpp>
static_assert(DEBUG == 1);
#undef DEBUG
#undef ERROR

#include <multiprocessing/process.hpp>

#include "process/program.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <stdexcept>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace mp = multiprocessing;

static_assert(mp::NOTSET == 0 && mp::SUBDEBUG == 5 && mp::DEBUG == 10 && mp::INFO == 20 && mp::SUBWARNING == 25 &&
              mp::WARNING == 30 && mp::ERROR == 40 && mp::CRITICAL == 50);

TEST_CASE("logging: without a handler warnings go to stderr and the rest nowhere, as in Python", "[logging][logger]") {
  const auto ran = run_program([] {
    mp::get_logger().info("information");
    mp::get_logger().setLevel(mp::DEBUG);
    mp::get_logger().info("more information");
    mp::get_logger().warning("warning");
  });
  CHECK(ran == Outcome{0, "", "warning\n"});
}

TEST_CASE("logging: log_to_stderr writes Python's format, one line for a message", "[logging][logger]") {
  const auto ran = run_program([] {
    mp::log_to_stderr(mp::SUBDEBUG);
    mp::log_to_stderr();
    auto& logger = mp::get_logger();
    logger.log(mp::SUBDEBUG, "a");
    logger.debug("b");
    logger.info("c");
    logger.log(mp::SUBWARNING, "d");
    logger.warning("e");
    logger.error("f");
    logger.critical("g");
    std::_Exit(0);
  });
  CHECK(ran.err ==
        "[Level 5/MainProcess] a\n[DEBUG/MainProcess] b\n[INFO/MainProcess] c\n[Level 25/MainProcess] d\n"
        "[WARNING/MainProcess] e\n[ERROR/MainProcess] f\n[CRITICAL/MainProcess] g\n");
}

TEST_CASE("logging: levels are numbers or Python's names", "[logging][level]") {
  const auto ran = run_program([] {
    mp::log_to_stderr("ERROR");
    mp::get_logger().warning("dropped");
    mp::get_logger().setLevel(std::string("WARNING"));
    mp::get_logger().warning("seen");
  });
  CHECK(ran.err == "[WARNING/MainProcess] seen\n");
  CHECK_THROWS_AS(mp::LogLevel("NOPE"), mp::ValueError);
  CHECK_THROWS_WITH(mp::LogLevel("NOPE"), contains("Unknown level: 'NOPE'"));
  CHECK(mp::LogLevel(20).name() == "INFO");
  CHECK(mp::LogLevel(21).name() == "Level 21");
}

TEST_CASE("logging: NOTSET means Python's WARNING", "[logging][logger]") {
  const auto ran = run_program([] {
    auto& logger = mp::log_to_stderr(mp::DEBUG);
    logger.setLevel(mp::NOTSET);
    std::printf("%d%d%d", logger.getEffectiveLevel(), logger.isEnabledFor(mp::INFO), logger.isEnabledFor(mp::WARNING));
  });
  CHECK(ran.out == "3001");
}

TEST_CASE("logging: a handler gets the whole record, and one that throws hurts nobody", "[logging][logger]") {
  const auto ran = run_program([] {
    mp::get_logger().addHandler([](const mp::LogRecord& record) {
      if (record.levelno == mp::WARNING && record.levelname == "WARNING" && record.process == ::getpid())
        std::cout << record.processName << ' ' << record.message;
      // A handler may use what the library guards by its own lock.
      if (!mp::get_logger().hasHandlers() || mp::current_process().name() != record.processName) std::cout << "wrong";
      throw std::runtime_error("from a handler");
    });
    mp::get_logger().warning("text");
  });
  CHECK(ran.out == "MainProcess text");
  CHECK_THAT(ran.err, contains("--- Logging error ---"));
}

TEST_CASE("logging: the life of a process is logged where Python logs it", "[logging][process]") {
  const auto ran = run_program([] {
    mp::log_to_stderr(mp::DEBUG);
    mp::Process p([] { throw mp::SystemExit(3); });
    p.start();
    p.join();
    static mp::Process daemon({.name = "d", .daemon = true}, [] {
      mp::get_logger().setLevel(mp::ERROR);
      for (;;) ::pause();
    });
    mp::get_logger().setLevel(mp::ERROR);  // the daemon may be terminated before its first words, or after
    daemon.start();
    mp::get_logger().setLevel(mp::INFO);
  });
  CHECK(ran.err ==
        "[INFO/Process-1] child process calling self.run()\n"
        "[INFO/Process-1] process shutting down\n"
        "[DEBUG/Process-1] running all \"atexit\" finalizers with priority >= 0\n"
        "[DEBUG/Process-1] running the remaining \"atexit\" finalizers\n"
        "[INFO/Process-1] process exiting with exitcode 3\n"
        "[INFO/MainProcess] process shutting down\n"
        "[INFO/MainProcess] calling terminate() for daemon d\n"
        "[INFO/MainProcess] calling join() for process d\n");
}

TEST_CASE("logging: lines of several threads and processes do not mix", "[logging][logger]") {
  const auto ran = run_program([] {
    mp::log_to_stderr(mp::INFO);
    const auto talk = [] {
      for (int i = 0; i < 100; ++i) mp::get_logger().info("some words that make a line long enough to be cut");
      std::_Exit(0);
    };
    std::vector<mp::Process> processes;
    for (int i = 0; i < 3; ++i) processes.emplace_back(talk).start();
    for (auto& p : processes) p.join();
    std::_Exit(0);
  });
  std::istringstream lines(ran.err);
  int whole = 0;
  for (std::string line; std::getline(lines, line);) {
    CHECK_THAT(line, Catch::StartsWith("[INFO/Process-"));
    whole += line.ends_with("] some words that make a line long enough to be cut");
  }
  CHECK(whole == 300);
}

TEST_CASE("logging: a fork while other threads log leaves the child's logger whole", "[logging][logger]") {
  const auto ran = run_program([] {
    mp::get_logger().addHandler([](const mp::LogRecord&) {});
    mp::get_logger().setLevel(mp::INFO);
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i)
      threads.emplace_back([&] {
        while (!stop) mp::get_logger().info("x");
      });
    int ended = 0;
    for (int i = 0; i < 50; ++i) {
      mp::Process p([] { mp::get_logger().info("y"); });
      p.start();
      ended += p.join(std::chrono::seconds(20));
    }
    stop = true;
    for (auto& thread : threads) thread.join();
    std::cout << ended;
  });
  CHECK(ran.out == "50");
}
