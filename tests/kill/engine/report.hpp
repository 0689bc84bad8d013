// SPDX-License-Identifier: BSL-1.0
/// \file
/// Tally and Report: what a run found, and the verdict on it.
#pragma once

#include "clock.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

namespace kill_test {

/// What a scenario is for.
enum class Expect {
  survival,  ///< nothing may be found
  faults,    ///< a negative control: the harness is blind unless it finds something
};

/// Found so far. It lies in shared memory, for it outlives the world that writes it (world.hpp).
struct Tally {
  static constexpr std::size_t most_samples = 1u << 20;
  static constexpr std::size_t most_notes = 8;
  using Count = std::atomic<std::uint64_t>;

  Count points;                                       ///< kills
  Count hangs;                                        ///< somebody made no progress until the watchdog
  Count slow;                                         ///< somebody waited longer than the limit
  Count insane;                                       ///< an invariant was broken
  Count crashes;                                      ///< a survivor was hit by a signal or threw
  Count leaks;                                        ///< a child or a descriptor was left behind
  Count recoveries, acknowledged, found, operations;  ///< of storms
  std::atomic<Nanoseconds> longest_wait;
  std::atomic<Nanoseconds> starved;    ///< long times for which the machine let a worker not run
  std::atomic<Nanoseconds> heartbeat;  ///< of the world

  /// A time for which the world's watcher, who nearly always sleeps, was not woken: then nobody here had a processor.
  struct Stall {
    std::atomic<Nanoseconds> end, length;
  };
  Count stall_count;
  std::array<Stall, 1024> stalls;

  Count sample_count;
  std::array<Nanoseconds, most_samples> samples;  ///< kill to progress

  Count note_count;
  std::array<std::array<char, 256>, most_notes> notes;

  std::uint64_t faults() const { return hangs + slow + insane + crashes + leaks; }

  void sample(Nanoseconds time) {
    const std::uint64_t index = sample_count++;
    samples[index % most_samples] = time;  // the newest million is enough for a distribution
    Nanoseconds longest = longest_wait;
    while (longest < time && !longest_wait.compare_exchange_weak(longest, time)) {
    }
  }

  void stalled(Nanoseconds length) {
    Stall& stall = stalls[stall_count++ % stalls.size()];
    stall.length = length;
    stall.end = now();
  }

  /// How much of the time since `moment` was stalls.
  Nanoseconds stalled_since(Nanoseconds moment) const {
    Nanoseconds sum = 0;
    for (const Stall& stall : stalls) sum += stall.end >= moment ? stall.length.load() : 0;
    return sum;
  }

  /// Keeps the first few explanations.
  [[gnu::format(printf, 2, 3)]] void note(const char* format, ...) {
    const std::uint64_t index = note_count++;
    if (index >= most_notes) return;
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(notes[index].data(), notes[index].size(), format, arguments);
    va_end(arguments);
  }
};

/// One line for a reader, more lines where something was found; true when the expectation was met.
inline bool report(const std::string& name, Expect expect, const Tally& tally, const char* unit, Nanoseconds duration) {
  const std::uint64_t kept = std::min<std::uint64_t>(tally.sample_count, Tally::most_samples);
  std::vector<Nanoseconds> sorted(tally.samples.begin(), tally.samples.begin() + static_cast<std::ptrdiff_t>(kept));
  std::sort(sorted.begin(), sorted.end());
  const auto quantile = [&](std::uint64_t percent) {
    return sorted.empty() ? Nanoseconds{0} : sorted[std::min<std::uint64_t>(kept - 1, kept * percent / 100)];
  };
  const auto microseconds = [](Nanoseconds time) { return static_cast<long long>(time / microsecond); };
  const auto count = [](const Tally::Count& value) { return static_cast<unsigned long long>(value.load()); };

  const bool met = expect == Expect::survival ? tally.faults() == 0 && tally.points > 0 : tally.faults() > 0;
  std::printf("%-44s %7llu %s %3llu hangs %3llu slow %3llu insane %3llu crashed %3llu leaked   ", name.c_str(),
              count(tally.points), unit, count(tally.hangs), count(tally.slow), count(tally.insane),
              count(tally.crashes), count(tally.leaks));
  std::printf("kill to progress us: p50 %lld p99 %lld max %lld   ", microseconds(quantile(50)),
              microseconds(quantile(99)), microseconds(sorted.empty() ? 0 : sorted.back()));
  std::printf("%.0f %s/s   %s\n", static_cast<double>(tally.points) * 1e9 / static_cast<double>(duration), unit,
              met ? "ok" : "FAILED");
  if (tally.operations > 0) {
    std::printf(
        "    %llu operations, acknowledged %llu, found %llu, %llu recoveries, longest wait %lld us (starved %lld us)\n",
        count(tally.operations), count(tally.acknowledged), count(tally.found), count(tally.recoveries),
        microseconds(tally.longest_wait), microseconds(tally.starved));
  }
  const bool explain = expect == Expect::survival;
  for (std::size_t i = 0; explain && i < std::min<std::uint64_t>(tally.note_count, Tally::most_notes); ++i) {
    std::printf("    %s\n", tally.notes[i].data());
  }
  if (!met && expect == Expect::faults) std::printf("    found nothing: the harness is blind\n");
  std::fflush(stdout);
  return met;
}

}  // namespace kill_test
