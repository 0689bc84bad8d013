// SPDX-License-Identifier: BSL-1.0
/// \file
/// Sweep: an operation is killed at every one of its instructions, and the survivors must go on.
#pragma once

#include "child.hpp"
#include "clock.hpp"
#include "environment.hpp"
#include "point.hpp"
#include "report.hpp"
#include "shared_box.hpp"
#include "stepper.hpp"
#include "trace.hpp"
#include "world.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <random>

namespace kill_test {

namespace detail {

/// How far a sweep is. Points are instructions after the marker; a recovery is swept once for each first death.
struct SweepPlan {
  std::uint64_t seed;
  enum class Phase { measure, begin_series, points };
  Phase phase;
  std::uint64_t length;        ///< instructions of `act`, as one undisturbed run showed
  std::uint64_t first_deaths;  ///< how many deaths of a first victim to sweep the recovery after
  std::uint64_t series;        ///< which of them is on
  std::uint64_t first_point;   ///< where the first victim of this series dies
  std::uint64_t stride;
  std::uint64_t next;  ///< next point
  int passed;          ///< how often in a row the victim got through before it was killed
  int missed;          ///< how often the victim took another way than the trace
  Trace first_trace;   ///< the way of an undisturbed first victim
  Trace trace;         ///< the way of an undisturbed victim of this series
};

template <class State>
class SweepWorld {
 public:
  SweepWorld(const Sweep<State>& sweep, Course<SweepPlan>& course)
      : sweep_(sweep), course_(course), plan_(course.plan), tally_(course.tally), random_(plan_.seed + plan_.next) {}

  void run() {
    const std::uint64_t faults_before = tally_.faults();
    do {
      tally_.heartbeat = now();
      switch (plan_.phase) {
        case SweepPlan::Phase::measure: measure(); break;
        case SweepPlan::Phase::begin_series: begin_series(); break;
        case SweepPlan::Phase::points: one_point(); break;
      }
    } while (!course_.finished && !sweep_.fresh_world && tally_.faults() == faults_before);
  }

 private:
  void measure() {
    plan_.phase = SweepPlan::Phase::begin_series;  // moved on first, here and below: whoever hangs must not do so again
    plan_.first_deaths = 1;
    if (!sweep_.recover) return;
    plan_.length = measured_length(false, plan_.first_trace);
    plan_.first_deaths = std::min(plan_.length + 1, sweep_.first_deaths());
  }

  void begin_series() {
    plan_.phase = SweepPlan::Phase::points;
    plan_.next = 0;
    plan_.passed = 0;
    plan_.stride = 1;
    if (sweep_.recover) {
      // One first death in each of equal parts of the operation, at random in that part.
      const std::uint64_t part = std::max<std::uint64_t>(1, (plan_.length + 1) / plan_.first_deaths);
      plan_.first_point = std::min(plan_.length, plan_.series * part + random_() % part);
    }
    const std::uint64_t length = measured_length(sweep_.recover != nullptr, plan_.trace);
    const std::uint64_t most = std::max<std::uint64_t>(1, sweep_.most_points() / plan_.first_deaths);
    plan_.stride = std::max<std::uint64_t>(1, (length + most - 1) / most);
  }

  /// Instructions to the end of `act`, or of the recovery after it was cut; leaves their `trace`.
  std::uint64_t measured_length(bool recovery, Trace& trace) {
    Point<State> point(sweep_, tally_);
    if (!point.set_up()) return 0;
    if (recovery) {
      point.run_first_victim(plan_.first_point, plan_.first_trace);
      if (!point.begin_recovery()) return 0;
    }
    const Walk walk = point.record_victim(trace);
    if (walk.last != Step::ended) {
      ++tally_.hangs;
      tally_.note("%s: undisturbed, the victim does not reach its end: %s after %llu instructions", sweep_.name.c_str(),
                  walk.last == Step::stuck ? "it sleeps" : "it crashed", static_cast<unsigned long long>(walk.steps));
    }
    return walk.steps;
  }

  void one_point() {
    const std::uint64_t offset = plan_.stride > 1 ? random_() % plan_.stride : 0;
    const std::uint64_t target = plan_.next + offset;
    plan_.next += plan_.stride;  // moved on first: a world that dies in a point must not meet it again
    bool passed = false;
    bool missed = false;
    {
      Point<State> point(sweep_, tally_);
      if (point.set_up()) {
        if (sweep_.recover) point.run_first_victim(plan_.first_point, plan_.first_trace);
        if (!sweep_.recover || point.begin_recovery()) {
          const Walk walk = point.run_victim(target, &plan_.trace);
          passed = walk.last == Step::ended;
          missed = walk.missed;
          point.kill_and_check(walk);
          if (!passed) ++tally_.points;
        }
      }
    }
    check_leaks();
    if (missed) {
      // Not a point: a new trace from this state, or none at all where each run goes another way.
      plan_.next -= plan_.stride;
      if (++plan_.missed > most_traces) {
        plan_.trace.clear();
      } else {
        measured_length(sweep_.recover != nullptr, plan_.trace);
      }
      return;
    }
    plan_.passed = passed ? plan_.passed + 1 : 0;
    // Paths differ a little from run to run, so that one early end says little.
    if (plan_.passed < (plan_.stride > 1 ? 1 : 3)) return;
    plan_.phase = SweepPlan::Phase::begin_series;
    if (++plan_.series == plan_.first_deaths) course_.finished = true;
  }

  void check_leaks() {
    const int descriptors = open_descriptors();
    if (++rounds_ == 2) descriptors_ = descriptors;  // the library may open some of its own at first use
    if ((rounds_ > 2 && descriptors > descriptors_) || has_children()) {
      ++tally_.leaks;
      tally_.note("left behind: %d descriptors more, children: %s", descriptors - descriptors_,
                  has_children() ? "yes" : "no");
    }
  }

  static constexpr int most_traces = 4;

  const Sweep<State>& sweep_;
  Course<SweepPlan>& course_;
  SweepPlan& plan_;
  Tally& tally_;
  std::mt19937_64 random_;
  int rounds_ = 0;
  int descriptors_ = 0;
};

}  // namespace detail

/// Runs the sweep and reports it; whether its expectation was met. Skipped (as nullopt) where nothing can step.
template <class State>
std::optional<bool> run(const Sweep<State>& sweep) {
  if constexpr (!can_step) {
    std::printf("%-44s skipped: single steps are known for x86-64 only\n", sweep.name.c_str());
    return std::nullopt;
  } else {
    const SharedBox<Course<detail::SweepPlan>> course;
    course->plan.seed = random_seed();
    const Nanoseconds start = now();
    run_in_worlds(*course, sweep.enough_faults, 5 * sweep.watchdog + 10 * second, [&](auto& shared) {
      if (sweep.expect == Expect::faults) silence_errors();
      detail::SweepWorld<State>(sweep, shared).run();
    });
    return report(sweep.name, sweep.expect, course->tally, "points", now() - start);
  }
}

}  // namespace kill_test
