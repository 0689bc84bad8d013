// SPDX-License-Identifier: BSL-1.0
/// \file
/// Results as a table for people and as JSON for programs.
#pragma once

#include "result.hpp"

#include <cstddef>
#include <cstdio>
#include <iomanip>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

namespace benchmark {

/// All that a run has found.
struct Report {
  std::vector<Result> results;
  std::size_t rounds = 0;
  Spread ping_pong;  // zero when no case needed it
};

inline const char* text(Role role) { return role == Role::ours ? "ours" : role == Role::limit ? "limit" : "peer"; }

inline const char* text(Place place) {
  return place == Place::one_core ? "one core" : place == Place::two_cores ? "two cores" : "free";
}

/// About three digits: more are noise.
inline std::string digits(double value) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(value < 0.1 ? 4 : value < 10 ? 2 : value < 100 ? 1 : 0) << value;
  return out.str();
}

/// Whether ours reaches what it should beside `contender`; empty where there is no target.
inline std::string verdict(const Result& result, std::size_t contender) {
  for (const Target& target : result.measured().targets) {
    if (target.against != result.measured().contenders[contender].who) continue;
    const auto ratio = result.ours_over(contender);
    std::string says = "<= " + digits(target.must);
    if (target.bold) says += " (bold " + digits(*target.bold) + ")";
    if (!ratio) return says + ": unknown";
    if (target.bold && ratio->median <= *target.bold) return says + ": bold";
    return says + (ratio->median <= target.must ? ": met" : ": MISSED");
  }
  return {};
}

inline void print_table(std::ostream& out, const Report& report) {
  if (report.ping_pong.median != 0)
    out << "ping-pong of a cache line between two cores: " << digits(report.ping_pong.median) << " ns ("
        << digits(report.ping_pong.least) << " - " << digits(report.ping_pong.greatest)
        << "); readings beside one of more than " << digits(Result::slow) << " times the least are not counted\n";
  for (const Result& result : report.results) {
    const Case& measured = result.measured();
    const auto scale = result.time(0) && result.time(0)->median >= 10'000 ? 1000.0 : 1.0;
    const auto& contenders = measured.contenders;
    out << '\n'
        << measured.name << ": " << measured.says << " (" << text(measured.place) << ")\n"
        << "        " << std::left << std::setw(38) << "who" << std::right << std::setw(9) << "median" << std::setw(20)
        << "min - max"
        << "      " << std::setw(8) << "ours/it"
        << "  target\n";
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      out << "  " << std::left << std::setw(6) << text(contenders[i].role) << std::setw(38) << contenders[i].who
          << std::right;
      const auto time = result.time(i);
      if (!time) {
        out << "  no round without a slow spell\n";
        continue;
      }
      out << std::setw(9) << digits(time->median / scale) << std::setw(20)
          << digits(time->least / scale) + " - " + digits(time->greatest / scale) << (scale == 1 ? " ns   " : " us   ");
      const auto ratio = result.ours_over(i);
      out << std::setw(8) << (contenders[i].role == Role::ours || !ratio ? "" : digits(ratio->median));
      if (const std::string says = verdict(result, i); !says.empty()) out << "  " << says;
      if (const auto fairness = result.fairness(i)) out << "  fairness " << digits(fairness->median);
      if (const auto counted = result.counted_rounds(i); counted < result.rounds())
        out << "  " << counted << " of " << result.rounds() << " rounds counted";
      out << '\n';
    }
  }
}

namespace json {

inline std::string quote(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

inline std::string number(double value) {
  std::ostringstream out;
  out << std::setprecision(6) << value;
  return out.str();
}

inline std::string spread(const std::optional<Spread>& values) {
  if (!values) return "null";
  return "{\"median\": " + number(values->median) + ", \"min\": " + number(values->least) +
         ", \"max\": " + number(values->greatest) + "}";
}

}  // namespace json

/// One object; times are nanoseconds, and what is not known is null.
inline void print_json(std::ostream& out, const Report& report) {
  out << "{\n  \"rounds\": " << report.rounds << ",\n  \"ping_pong\": "
      << json::spread(report.ping_pong.median != 0 ? std::optional(report.ping_pong) : std::nullopt)
      << ",\n  \"results\": [";
  const char* separator = "\n";
  for (const Result& result : report.results) {
    const Case& measured = result.measured();
    for (std::size_t i = 0; i < measured.contenders.size(); ++i) {
      const Contender& contender = measured.contenders[i];
      out << separator << "    {\"case\": " << json::quote(measured.name) << ", \"place\": \"" << text(measured.place)
          << "\", \"who\": " << json::quote(contender.who) << ", \"role\": \"" << text(contender.role)
          << "\", \"nanoseconds\": " << json::spread(result.time(i))
          << ", \"ours_over_it\": " << json::spread(result.ours_over(i))
          << ", \"fairness\": " << json::spread(result.fairness(i)) << ", \"target\": ";
      const std::string says = verdict(result, i);
      out << (says.empty() ? "null" : json::quote(says)) << ", \"readings\": [";
      for (std::size_t round = 0; round < result.rounds(); ++round)
        out << (round == 0 ? "" : ", ")
            << "{\"nanoseconds\": " << json::number(result.readings(i)[round].figures.nanoseconds)
            << ", \"ping_pong\": " << json::number(result.readings(i)[round].ping_pong)
            << ", \"counted\": " << (result.counts(i, round) ? "true" : "false") << "}";
      out << "]}";
      separator = ",\n";
    }
  }
  out << "\n  ]\n}\n";
}

}  // namespace benchmark
