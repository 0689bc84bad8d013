// SPDX-License-Identifier: BSL-1.0
/// \file
/// Event: whoever is set free comes through, whoever dies beside it.
#include <multiprocessing/synchronize/event.hpp>

#include "engine/registry.hpp"
#include "engine/storm.hpp"
#include "engine/sweep.hpp"

#include <array>
#include <chrono>

namespace {

namespace mp = multiprocessing;
using namespace kill_test;

struct Flagged {
  void nothing() {}
  void warm_up() { other.set(), other.clear(); }
  void set() { event.set(); }
  void set_and_clear() { event.set(), event.clear(); }
  void wait() { event.wait(); }
  void wait_a_little() { event.wait(std::chrono::milliseconds(2)); }
  bool sane() const { return event.is_set(); }
  mp::Event event, other;
};
using F = Flagged;
const Add event_set{Sweep<F>{.name = "event.set",
                             .hold = &F::nothing,
                             .prepare = &F::warm_up,
                             .act = &F::set,
                             .let_go = &F::set,
                             .use = &F::wait,
                             .sane = &F::sane,
                             .sleepers = 2}};
const Add event_set_and_clear{Sweep<F>{.name = "event.set_and_clear",
                                       .hold = &F::nothing,
                                       .prepare = &F::warm_up,
                                       .act = &F::set_and_clear,
                                       .let_go = &F::set,
                                       .use = &F::wait,
                                       .sane = &F::sane,
                                       .sleepers = 2}};
const Add event_woken{Sweep<F>{.name = "event.woken",
                               .hold = &F::nothing,
                               .prepare = &F::warm_up,
                               .act = &F::wait,
                               .let_go = &F::set,
                               .use = &F::wait,
                               .sane = &F::sane,
                               .sleepers = 2,
                               .from_wake = true}};
const Add event_timed_out{Sweep<F>{.name = "event.timed_out",
                                   .hold = &F::nothing,
                                   .prepare = &F::warm_up,
                                   .act = &F::wait_a_little,
                                   .let_go = &F::set,
                                   .use = &F::wait,
                                   .sane = &F::sane,
                                   .sleepers = 2}};

/// Half of the workers clear and set without waiting, so that one of them always lives; the others wait.
struct Blinking {
  void work(Worker& worker) {
    if (worker.slot() % 2 == 0) {
      event.clear();
      event.set();
    } else {
      worker.waits([this] { event.wait(); });
    }
    worker.progress();
  }
  bool sane() { return event.set(), event.wait(std::chrono::seconds(1)); }
  mp::Event event;
};
const Add event_storm{Storm<Blinking>{.name = "event.storm", .work = &Blinking::work, .sane = &Blinking::sane}};

}  // namespace
