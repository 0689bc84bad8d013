// SPDX-License-Identifier: BSL-1.0
/// \file
/// Python beside us: a script that tells what it has measured.
#pragma once

#include "case.hpp"
#include "measure.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>

namespace benchmark {

/// Whether there is one. It is asked by static initialisers, also of each process that this program is started as, and so
/// runs nothing.
inline bool has_python() {
  static const bool has = [] {
    const char* const path = std::getenv("PATH");
    std::istringstream folders(path == nullptr ? "" : path);
    for (std::string folder; std::getline(folders, folder, ':');) {
      if (::access((folder + "/python3").c_str(), X_OK) == 0) return true;
    }
    return false;
  }();
  return has;
}

/// What a call takes in Python: `call` is a statement, made possible by those in `prepare`. Neither may have a single quote.
inline Figures time_in_python(const std::string& prepare, const std::string& call, const std::string& finish = "") {
  const std::string script = "import os, statistics, time\n" + prepare + R"(
def time_of(calls):
    begin = time.perf_counter_ns()
    for _ in range(calls):
        )" + call + R"(
    return time.perf_counter_ns() - begin
reading = )" + std::to_string(Nanoseconds(reading_time).count()) +
                             R"(
calls = 1
while time_of(calls) < reading / 50:
    calls *= 2
samples = []
end = time.perf_counter_ns() + reading
while not samples or time.perf_counter_ns() < end:
    samples.append(time_of(calls) / calls)
print(statistics.median(samples))
)" + finish;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> answer(::popen(("python3 -c '" + script + "'").c_str(), "r"),
                                                               ::pclose);
  double nanoseconds = 0;
  if (answer == nullptr || std::fscanf(answer.get(), "%lf", &nanoseconds) != 1)
    throw std::runtime_error("python3 measured nothing");
  return {nanoseconds, {}};
}

}  // namespace benchmark
