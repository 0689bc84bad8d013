// SPDX-License-Identifier: BSL-1.0
/// \file
/// The main program of the tests: after each test case nothing may be left behind, and none may hang.
#define CATCH_CONFIG_RUNNER
#include "support/catch.hpp"

#include "support/leaks.hpp"

#include <multiprocessing/process/spawn.hpp>

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>

namespace {

constexpr unsigned seconds_per_test_case = 120;

std::string hang_message;  // built before the alarm is set: a signal handler may not allocate
int leaking_test_cases = 0;

extern "C" void on_alarm(int) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, hang_message.data(), hang_message.size());
  std::signal(SIGABRT, SIG_DFL);
  std::abort();
}

#if __has_include(<catch2/catch_all.hpp>)
using Listener = Catch::EventListenerBase;
#else
using Listener = Catch::TestEventListenerBase;
#endif

class Watch : public Listener {
 public:
  using Listener::Listener;

  void testCaseStarting(const Catch::TestCaseInfo& info) override {
    name_ = info.name;
    hang_message =
        "HANG: test case '" + name_ + "' ran for more than " + std::to_string(seconds_per_test_case) + " s\n";
    before_ = Holdings::now();
    std::signal(SIGALRM, on_alarm);
    ::alarm(seconds_per_test_case);
  }

  void testCaseEnded(const Catch::TestCaseStats&) override {
    ::alarm(0);
    const std::string left = children_left() + Holdings::now().beyond(before_);
    if (left.empty()) return;
    ++leaking_test_cases;
    std::cerr << "LEAK: test case '" << name_ << "' left behind\n" << left;
  }

 private:
  std::string name_;
  Holdings before_;
};

CATCH_REGISTER_LISTENER(Watch)

}  // namespace

int main(int argc, char** argv) {
  multiprocessing::freeze_support(argc, argv);
  const int failed = Catch::Session().run(argc, argv);
  if (failed != 0) return failed;
  return leaking_test_cases == 0 ? 0 : 1;
}
