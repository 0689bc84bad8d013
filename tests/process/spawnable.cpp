// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/process/spawnable.hpp>

#include "process/program.hpp"
#include "support/catch.hpp"

#include <multiprocessing/connection.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/sharedctypes.hpp>

#include <boost/describe/class.hpp>

#include <iostream>
#include <string>
#include <utility>

namespace mp = multiprocessing;

namespace {

const char* const every_method[] = {"fork", "spawn", "forkserver"};

class Upper : public mp::Spawnable<Upper> {
 public:
  Upper() = default;
  explicit Upper(mp::Connection connection) : connection_(std::move(connection)) {}

  void run() override {
    for (;;) {
      auto text = connection_.recv<std::string>();
      if (text.empty()) return;
      for (char& c : text) c = static_cast<char>(c - 'a' + 'A');
      connection_.send(text);
    }
  }
  void stop_sending() { connection_.close(); }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(connection_);
  }

 private:
  mp::Connection connection_;
};

class Exits : public mp::Spawnable<Exits> {
 public:
  Exits() = default;
  explicit Exits(std::string how) : how_(std::move(how)) {}

  void run() override {
    if (how_ == "number") throw mp::SystemExit(8);
    if (how_ == "text") throw mp::SystemExit("ignore this");
    if (how_ == "error") throw mp::ValueError("broken");
  }

 private:
  std::string how_;
  BOOST_DESCRIBE_CLASS(Exits, (), (), (), (how_))
};

struct Plain : mp::Spawnable<Plain> {
  void run() override {
    std::cout << name() << (*this == mp::current_process()) << is_alive() << (pid() == mp::current_process().pid()) << daemon() << ' ';
    mp::Process child([] { std::cout << mp::current_process().name() << ' '; });
    child.start();
    child.join();
    try {
      start();
    } catch (const mp::AssertionError&) {
      std::cout << "once";
    }
  }
};

class Counter : public mp::Spawnable<Counter> {
 public:
  Counter() = default;
  Counter(mp::Value<int> count, int step) : count_(std::move(count)), step_(step) {}
  void run() override { count_.value += step_; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(count_, step_);
  }

 private:
  mp::Value<int> count_{0};
  int step_ = 0;
};

class Often : public mp::Spawnable<Often, Counter> {
 public:
  Often() = default;
  Often(mp::Value<int> count, int step, int times) : Spawnable(std::move(count), step), times_(times) {}
  void run() override {
    for (int i = 0; i < times_; ++i) Counter::run();
  }
  template <class Archive>
  void serialize(Archive& archive) {
    Counter::serialize(archive);
    archive(times_);
  }

 private:
  int times_ = 0;
};

struct Unprepared : Counter {
  using Counter::Counter;
};

/// Has a target as well, which it calls when it likes.
struct Around : mp::Spawnable<Around> {
  using Spawnable::Spawnable;
  void run() override {
    std::cout << "before ";
    Process::run();
    std::cout << " behind";
  }
};

template <class Body>
Outcome by(const std::string& method, Body body) {
  return run_program([&] {
    mp::set_start_method(method);
    mp::get_logger().setLevel(mp::ERROR);  // not the warning about threads
    body();
  });
}

mp::ExitCode run(mp::Process& p) {
  p.start();
  p.join();
  return p.exitcode();
}

}  // namespace

TEST_CASE("Spawnable: an object runs in the child with what it holds", "[process][spawnable]") {
  for (const char* const method : every_method) {
    INFO(method);
    const Outcome ran = by(method, [] {
      auto [here, there] = mp::Pipe();
      Upper upper(std::move(there));
      upper.daemon(true);
      upper.start();
      upper.stop_sending();
      here.send(std::string("hello"));
      std::cout << here.recv<std::string>() << ' ';
      here.send(std::string());
      upper.join();
      std::cout << upper.exitcode() << upper.name();
    });
    CHECK(ran == Outcome{0, "HELLO 0Upper-1", ""});
  }
}

TEST_CASE("Spawnable: run() ends the child as a target does", "[process][spawnable]") {
  for (const char* const method : every_method) {
    INFO(method);
    const Outcome ran = by(method, [] {
      for (const char* const how : {"number", "text", "error", "return"}) {
        Exits p(how);
        std::cout << run(p) << ' ';
      }
    });
    CHECK(ran == Outcome{0, "8 1 1 0 ", "ignore this\nProcess Exits-3:\nmultiprocessing::ValueError: broken\n"});
  }
}

TEST_CASE("Spawnable: in the child the object stands for that process", "[process][spawnable]") {
  for (const char* const method : every_method) {
    INFO(method);
    const Outcome ran = by(method, [] {
      Plain plain;
      std::cout << run(plain);
    });
    CHECK(ran == Outcome{0, "Plain-11110 Process-1:1 once0", ""});
  }
}

TEST_CASE("Spawnable: a class that derives from another is sent as itself", "[process][spawnable]") {
  for (const char* const method : every_method) {
    INFO(method);
    const Outcome ran = by(method, [] {
      const mp::Value<int> count(0);
      Often often(count, 3, 4);
      Counter once(count, 100);
      std::cout << run(often) << run(once) << ' ' << count.get();
    });
    CHECK(ran == Outcome{0, "00 112", ""});
  }
}

TEST_CASE("Spawnable: one that has a target takes it along", "[process][spawnable]") {
  for (const char* const method : every_method) {
    INFO(method);
    const Outcome ran = by(method, [] {
      Around p([](std::string text) { std::cout << text; }, "target");
      std::cout << std::flush;
      std::cout << run(p);
    });
    CHECK(ran == Outcome{0, "before target behind0", ""});
  }
}

TEST_CASE("Spawnable: a class that does not say it for itself is refused, with what to do", "[process][spawnable]") {
  const Outcome ran = by("spawn", [] {
    Unprepared p(mp::Value<int>(0), 1);
    try {
      p.start();
    } catch (const mp::PicklingError& error) {
      std::cout << error.what();
    }
  });
  CHECK_THAT(ran.out, contains("derive from mp::Spawnable<Unprepared>") && contains("'fork'"));
}
