// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/context.hpp>

#include "process/program.hpp"
#include "support/catch.hpp"

#include <iostream>
#include <string>
#include <utility>

namespace mp = multiprocessing;

TEST_CASE("Context: each method has one, and others are refused", "[context]") {
  for (const char* const method : {"fork", "spawn", "forkserver"}) {
    const auto context = mp::get_context(method);
    CHECK(context.get_start_method() == method);
    CHECK(context.get_start_method(true) == method);
    CHECK(context.get_context() == context);
    CHECK(context.get_context("fork") == mp::get_context("fork"));
    CHECK_THROWS_AS(context.set_start_method("fork"), mp::ValueError);
    CHECK_THROWS_WITH(context.set_start_method("fork"), contains("cannot set start method of concrete context"));
  }
  CHECK_THROWS_AS(mp::get_context("x"), mp::ValueError);
  CHECK_THROWS_WITH(mp::get_context("x"), contains("cannot find context for 'x'"));
}

TEST_CASE("Context: without a method it is the program's, which is settled by asking", "[context]") {
  const Outcome ran = run_program([] {
    std::cout << mp::get_start_method(true).has_value() << mp::get_context().get_start_method()
              << mp::get_start_method(true).value_or("none");
  });
  CHECK(ran.out == "0forkfork");
}

TEST_CASE("Context: its processes are started by its method, whatever the program's is", "[context]") {
  const Outcome ran = run_program([] {
    mp::set_start_method("fork");
    static int seen_by_fork = 0;
    seen_by_fork = 1;
    for (const auto& method : mp::get_all_start_methods()) {
      const auto ctx = mp::get_context(method);
      const auto value = ctx.Value<int>(1);
      auto p = ctx.Process(mp::ProcessOptions{.name = "worker"}, [](mp::Value<int> v) {
        std::cout << mp::current_process().name() << seen_by_fork << ' ';
        v.value += 1;
      }, value);
      p.start();
      p.join();
      std::cout << value.get() << ' ' << std::flush;
      auto unnamed = ctx.Process([] { throw mp::SystemExit(3); });
      unnamed.start();
      unnamed.join();
      std::cout << unnamed.exitcode() << '\n';
    }
  });
  CHECK(ran.out == "worker1 2 3\nworker0 2 3\nworker0 2 3\n");
}

TEST_CASE("Context: its processes are named by it, as Python's, in children as well", "[context]") {
  const auto without_numbers = [](std::string text) {
    for (const char* const word : {" pid=", " parent="}) {
      for (std::size_t at; (at = text.find(word)) != text.npos;) text.erase(at, text.find_first_of(" >", at + 1) - at);
    }
    return text;
  };
  for (const auto& [method, kind] : {std::pair("fork", "ForkProcess"), std::pair("spawn", "SpawnProcess"),
                                     std::pair("forkserver", "ForkServerProcess")}) {
    INFO(method);
    const Outcome ran = run_program([&, method = method] {
      const auto ctx = mp::get_context(method);
      auto p = ctx.Process([](std::string same) {
        std::cout << mp::current_process() << '\n';
        mp::Process child([] { std::cout << mp::current_process().name() << '\n'; });
        child.start();
        child.join();
        auto of_context = mp::get_context(same).Process([] { std::cout << mp::current_process().name() << '\n'; });
        of_context.start();
        of_context.join();
        std::cout << of_context << '\n';
      }, method);
      std::cout << p << '\n' << std::flush;
      p.start();
      p.join();
      std::cout << p << '\n' << mp::Process([] {}).name();
    });
    const std::string name = kind;
    CHECK(without_numbers(ran.out) == '<' + name + " name='" + name + "-1' initial>\n<" + name + " name='" + name + "-1' started>\n" +
                                          "Process-1:1\n" + name + "-1:2\n<" + name + " name='" + name +
                                          "-1:2' stopped exitcode=0>\n<" + name + " name='" + name +
                                          "-1' stopped exitcode=0>\nProcess-2");
  }
}

TEST_CASE("Context: it makes all that the library makes", "[context]") {
  const auto ctx = mp::get_context("spawn");
  auto [first, second] = ctx.Pipe();
  second.send(1);
  CHECK(first.recv<int>() == 1);
  const auto lock = ctx.Lock();
  CHECK(lock.acquire());
  CHECK(ctx.RLock().acquire());
  CHECK(ctx.Semaphore(2).get_value() == 2);
  CHECK(ctx.BoundedSemaphore().get_value() == 1);
  CHECK(ctx.Condition(lock).acquire(false) == false);
  CHECK(ctx.Condition().acquire(false));
  CHECK_FALSE(ctx.Event().is_set());
  CHECK(ctx.Barrier(3).parties() == 3);
  CHECK(ctx.Value<double>(0.5).get() == 0.5);
  CHECK(ctx.RawValue<int>(4).value == 4);
  CHECK(ctx.Array<int>(3).size() == 3);
  CHECK(ctx.Array<int>({1, 2}).at(1) == 2);
  CHECK(ctx.RawArray<int>({1, 2}).size() == 2);
  CHECK(ctx.cpu_count() > 0);
  CHECK(ctx.current_process().name() == "MainProcess");
  CHECK_FALSE(ctx.parent_process().has_value());
}

TEST_CASE("Context: one that the compiler knows starts what can be sent", "[context]") {
  const Outcome ran = run_program([] {
    const mp::SpawnContext ctx;
    auto p = ctx.Process([](std::string text) { std::cout << text; }, "sent ");
    p.start();
    p.join();
    int captured = 4;
    auto q = mp::ForkContext().Process([&] { throw mp::SystemExit(captured); });
    q.start();
    q.join();
    std::cout << q.exitcode() << mp::ForkServerContext().get_start_method();
  });
  CHECK(ran.out == "sent 4forkserver");
}
