// SPDX-License-Identifier: BSL-1.0
/// \file
/// Barrier: a death breaks it at the worst, and it can be made whole.
#include <multiprocessing/synchronize/barrier.hpp>

#include "engine/registry.hpp"
#include "engine/storm.hpp"
#include "engine/sweep.hpp"

#include <chrono>

namespace {

namespace mp = multiprocessing;
using namespace kill_test;

template <int Parties>
struct Met {
  void nothing() {}
  void warm_up() { other.wait(); }
  void meet() {
    try {
      barrier.wait();
    } catch (const mp::BrokenBarrierError&) {
    }
  }
  void meet_a_little() {
    try {
      barrier.wait(std::chrono::milliseconds(2));
    } catch (const mp::BrokenBarrierError&) {
    }
  }
  void abort() { barrier.abort(); }
  void reset() { barrier.reset(); }
  void reset_and_abort() { barrier.reset(), barrier.abort(); }
  void revive() { barrier.reset(); }
  bool sane() const { return !barrier.broken() && barrier.n_waiting() == 0; }
  mp::Barrier barrier{Parties}, other{1};
};
using M3 = Met<3>;
using M4 = Met<4>;
const Add barrier_last{Sweep<M3>{.name = "barrier.last",
                                 .hold = &M3::nothing,
                                 .prepare = &M3::warm_up,
                                 .act = &M3::meet,
                                 .let_go = &M3::abort,
                                 .use = &M3::revive,
                                 .sleep = &M3::meet,
                                 .sane = &M3::sane,
                                 .sleepers = 2}};
const Add barrier_released{Sweep<M4>{.name = "barrier.released",
                                     .hold = &M4::nothing,
                                     .prepare = &M4::warm_up,
                                     .act = &M4::meet,
                                     .let_go = &M4::meet,
                                     .use = &M4::revive,
                                     .sleep = &M4::meet,
                                     .sane = &M4::sane,
                                     .sleepers = 2,
                                     .from_wake = true}};
const Add barrier_abort{Sweep<M4>{.name = "barrier.abort",
                                  .hold = &M4::nothing,
                                  .prepare = &M4::warm_up,
                                  .act = &M4::abort,
                                  .let_go = &M4::abort,
                                  .use = &M4::revive,
                                  .sleep = &M4::meet,
                                  .sane = &M4::sane,
                                  .sleepers = 2}};
const Add barrier_timed_out{Sweep<M4>{.name = "barrier.timed_out",
                                      .hold = &M4::nothing,
                                      .prepare = &M4::warm_up,
                                      .act = &M4::meet_a_little,
                                      .let_go = &M4::abort,
                                      .use = &M4::revive,
                                      .sleep = &M4::meet,
                                      .sane = &M4::sane,
                                      .sleepers = 2,
                                      .limit = 60}};  // an exception's way is 100,000 instructions of the C++ runtime
const Add barrier_reset{Sweep<M4>{.name = "barrier.reset",
                                  .hold = &M4::nothing,
                                  .prepare = &M4::warm_up,
                                  .act = &M4::reset,
                                  .let_go = &M4::reset,
                                  .use = &M4::revive,
                                  .sleep = &M4::meet,
                                  .sane = &M4::sane,
                                  .sleepers = 2}};

/// Three parties, of which one may be dead: the others give it up and make it whole.
struct Meetings {
  void work(Worker& worker) {
    try {
      worker.waits([this] { barrier.wait(std::chrono::milliseconds(10)); });
    } catch (const mp::BrokenBarrierError&) {
      barrier.reset();
    }
    worker.progress();
  }
  bool sane() {
    barrier.reset();
    return !barrier.broken() && barrier.n_waiting() == 0;
  }
  mp::Barrier barrier{3};
};
const Add barrier_storm{
    Storm<Meetings>{.name = "barrier.storm", .work = &Meetings::work, .sane = &Meetings::sane, .workers = 3}};

}  // namespace
