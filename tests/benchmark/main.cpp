// SPDX-License-Identifier: BSL-1.0
/// \file
/// multiprocessing_benchmark: measures the library and its peers in turn, and tells the one as a multiple of the other.
#include "engine/report.hpp"
#include "engine/sides.hpp"

#include <multiprocessing/process/spawn.hpp>

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace benchmark;

constexpr const char* usage =
    "multiprocessing_benchmark [--list] [--filter REGEX] [--rounds N] [--milliseconds N] [--json FILE|-]\n"
    "  --list            prints the cases and what they measure\n"
    "  --filter REGEX    only cases whose name it is found in\n"
    "  --rounds N        how often each is measured, all others in between (7)\n"
    "  --milliseconds N  how long a reading lasts (40)\n"
    "  --json FILE       writes all figures to a file as well, or with - to the output instead of the table\n";

struct Options {
  bool list = false;
  std::regex filter{""};
  std::size_t rounds = 7;
  std::string json;
};

std::size_t positive(const std::string& option, const std::string& text) {
  std::size_t end = 0;
  const int number = std::stoi(text, &end);
  if (end != text.size() || number < 1) throw std::invalid_argument(option + " needs a positive number, not " + text);
  return static_cast<std::size_t>(number);
}

Options parse(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& option = arguments[i];
    const auto value = [&]() -> const std::string& {
      if (i + 1 == arguments.size()) throw std::invalid_argument(option + " needs a value");
      return arguments[++i];
    };
    if (option == "--list")
      options.list = true;
    else if (option == "--filter")
      options.filter = std::regex(value());
    else if (option == "--rounds")
      options.rounds = positive(option, value());
    else if (option == "--milliseconds")
      reading_time = std::chrono::milliseconds(positive(option, value()));
    else if (option == "--json")
      options.json = value();
    else
      throw std::invalid_argument("unknown option " + option);
  }
  return options;
}

Figures read(const Case& measured, const Contender& contender) {
  try {
    return read_apart(measured.place, contender.read);
  } catch (const std::exception& error) {
    throw std::runtime_error(measured.name + ", " + contender.who + ": " + error.what());
  }
}

/// Measures all contenders of a case once; `turn` says who begins.
void measure(Result& result, std::size_t turn, std::vector<double>& ping_pongs) {
  const auto ping = [&] {
    if (result.measured().place != Place::two_cores) return 0.0;
    return ping_pongs.emplace_back(read_apart(Place::two_cores, ping_pong).nanoseconds);
  };
  const auto& contenders = result.measured().contenders;
  double before = ping();
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    const std::size_t contender = (i + turn) % contenders.size();
    const Figures figures = read(result.measured(), contenders[contender]);
    const double after = ping();
    result.add(contender, {figures, std::max(before, after)});
    before = after;
  }
}

Report run(const std::vector<Case>& chosen, std::size_t rounds) {
  Report report{{chosen.begin(), chosen.end()}, rounds, {}};
  std::vector<double> ping_pongs;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (Result& result : report.results) {
      if (::isatty(STDERR_FILENO) != 0)
        std::fprintf(stderr, "\r\033[Kround %zu of %zu: %s", round + 1, rounds, result.measured().name.c_str());
      measure(result, round, ping_pongs);
    }
  }
  if (::isatty(STDERR_FILENO) != 0) std::fprintf(stderr, "\r\033[K");
  if (const auto spread = Spread::of(ping_pongs)) {
    report.ping_pong = *spread;
    for (Result& result : report.results) result.fastest_ping_pong(spread->least);
  }
  return report;
}

}  // namespace

int main(int argc, char** argv) try {
  multiprocessing::freeze_support(argc, argv);
  // What is freed stays with the process, as in one that has run for a while: else a large result is of new pages of the kernel's each
  // time, or not, by chance.
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
  if (argc == 2 && std::string(argv[1]) == "--nothing") return 0;  // what it costs to start this program
  const Options options = parse({argv + 1, argv + argc});
  std::vector<Case> chosen = cases();
  std::sort(chosen.begin(), chosen.end(), [](const Case& a, const Case& b) { return a.name < b.name; });
  std::erase_if(chosen, [&](const Case& one) { return !std::regex_search(one.name, options.filter); });
  if (options.list) {
    for (const Case& one : chosen) std::printf("%-32s %s\n", one.name.c_str(), one.says.c_str());
    return 0;
  }
  if (processors().size() < 2) std::erase_if(chosen, [](const Case& one) { return one.place == Place::two_cores; });
  if (chosen.empty()) throw std::invalid_argument("no case of this name can be measured here; --list prints the names");

  const Report report = run(chosen, options.rounds);
  if (options.json == "-") {
    print_json(std::cout, report);
    return 0;
  }
  print_table(std::cout, report);
  if (!options.json.empty()) {
    std::ofstream file(options.json);
    print_json(file, report);
    if (!file.flush()) throw std::runtime_error("can't write " + options.json);
  }
  return 0;
} catch (const std::invalid_argument& error) {
  std::fprintf(stderr, "%s\n%s", error.what(), usage);
  return 2;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
