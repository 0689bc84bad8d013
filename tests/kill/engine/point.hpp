// SPDX-License-Identifier: BSL-1.0
/// \file
/// Sweep: the description of one; Point: one play of it, with one kill.
#pragma once

#include "child.hpp"
#include "clock.hpp"
#include "environment.hpp"
#include "proc.hpp"
#include "report.hpp"
#include "shared_box.hpp"
#include "stepper.hpp"
#include "trace.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kill_test {

inline constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

/// Describes who does what around an operation that is killed at every instruction.
///
/// A State is made for every point, in shared memory; its functions run in processes forked after that, in this order:
/// `hold` (a holder), `prepare` (the victim), `sleep` (each sleeper, until it sleeps in the kernel), `act` (the victim,
/// step by step, until it is killed), `let_go` (the holder: when the victim is dead, or asleep with steps to go), and
/// `afterwards` (the holder: when the victim is dead, or asleep once more).
/// Then each sleeper must come back from `sleep`, then each newcomer from `use`, and then `sane` must be true.
template <class State>
struct Sweep {
  using Function = std::function<void(State&)>;

  std::string name = {};
  Function hold = {};
  Function prepare = {};
  Function act = {};  ///< every instruction of it is a point
  Function let_go = {};
  Function afterwards = {};  ///< so that `let_go` may take again what it gave: the woken victim was overtaken
  Function use = {};         ///< what survivors must be able to do: newcomers, and sleepers unless `sleep` says else
  Function sleep = {};
  Function recover = {};  ///< if given: `act` is killed at sampled points, and this, in a second victim, at every one
  std::function<bool(State&)> sane = {};

  int sleepers = 0;  ///< two or more: a single one can't show a lost hand-over
  int newcomers = 2;
  bool holder_dies = false;  ///< instead of `let_go` the holder is killed: the victim is the one who takes over
  bool from_wake = false;  ///< the victim sleeps first, before the sleepers; `let_go` wakes it, and points begin there
  bool fresh_world = false;  ///< also a new arena for every point, for operations whose way depends on what it has seen
  Expect expect = Expect::survival;
  Nanoseconds watchdog = 2 * second;
  Nanoseconds slow = 100 * millisecond;  ///< below the tick by which the library would hide a lost wake
  Syscalls sleeps_in = futex_calls();
  std::uint64_t standard_points = 1500;  ///< of a short run; a longer operation is sampled
  std::uint64_t limit = unlimited;       ///< also of a long one, where most of the way is not the library's
  std::uint64_t standard_first_deaths = 6;
  std::uint64_t enough_faults = 3;  ///< the sweep stops there

  std::uint64_t most_points() const { return std::min(limit, kills(standard_points)); }
  std::uint64_t first_deaths() const { return kills(0) > standard_points ? 20 : standard_first_deaths; }
};

/// How far a victim came.
struct Walk {
  Step last = Step::done;
  std::uint64_t steps = 0;
  bool missed = false;  ///< it did not come by where the trace said it would
};

/// One play of a sweep with fresh state, processes and one kill (two with a recovery).
template <class State>
class Point {
 public:
  Point(const Sweep<State>& sweep, Tally& tally) : sweep_(sweep), tally_(tally) {}
  Point(const Point&) = delete;
  Point& operator=(const Point&) = delete;
  ~Point() {
    for (Player& player : players_) player.child.signal(SIGKILL);  // at once, then reaped one by one
    if (victim_) victim_->signal(SIGKILL);
  }

  /// Brings everybody to the place where the victim begins.
  bool set_up() {
    if (sweep_.hold && !set_up_holder()) return fail("the holder did not get hold");
    start_victim(sweep_.act);
    if (!stepper_->reach_marker()) return fail("the victim did not reach its beginning");
    if (sweep_.from_wake && !stepper_->run_until_asleep()) return fail("the victim did not fall asleep");
    for (int i = 0; i < sweep_.sleepers; ++i) {
      Player& sleeper = start("sleeper", sweep_.sleep ? sweep_.sleep : sweep_.use);
      const auto asleep_now = [&] { return asleep(sleeper.child.pid(), sweep_.sleeps_in); };
      if (!poll_until(sweep_.watchdog, asleep_now)) return fail("a sleeper did not fall asleep");
    }
    return true;
  }

  /// Steps the victim to its end and records where it went.
  Walk record_victim(Trace& trace) {
    trace.clear();
    const Walk walk = run_victim(unlimited, nullptr, &trace);
    trace.count_visits();
    return walk;
  }

  /// Moves the victim `count` instructions on; with a `map` from an earlier run, most of the way at full speed.
  Walk run_victim(std::uint64_t count, const Trace* map = nullptr, Trace* record = nullptr) {
    const SameProcessor together(victim_->pid());
    Walk walk;
    if (sweep_.from_wake) {
      advance_holder();
      walk.last = stepper_->step();  // out of the system call: point 0
    }
    if (map != nullptr && !sweep_.afterwards && walk.last == Step::done) {
      const Trace::Jump jump = map->jump_to(count);
      walk.steps = jump.step;
      walk.last = stepper_->run_to(jump.address, jump.occurrence, [this] { advance_holder(); });
      walk.missed = jump.occurrence != 0 && walk.last == Step::ended;
    }
    while (walk.steps < count && (walk.last == Step::done || walk.last == Step::asleep)) {
      if (stepper_->waiting()) advance_holder();
      if (record != nullptr) record->add(stepper_->waiting() ? 0 : stepper_->position());
      walk.last = stepper_->step();
      if (walk.last != Step::ended) ++walk.steps;
      if (walk.steps % 4096 == 0) tally_.heartbeat = now();
    }
    return walk;
  }

  /// The first of two deaths. Sleepers are stopped for it, so that the recovery is left to the second victim.
  void run_first_victim(std::uint64_t count, const Trace& map) {
    for (Player& player : players_) {
      player.child.signal(SIGSTOP);
      poll_until(sweep_.watchdog, [&] { return process_state(player.child.pid()) == 'T'; });
    }
    run_victim(count, &map);
    victim_->kill();
  }

  /// Makes a second victim, which does the recovery.
  bool begin_recovery() {
    start_victim(sweep_.recover);
    return stepper_->reach_marker() || fail("the recovering victim did not reach its beginning");
  }

  /// Kills the victim where it stands and judges the survivors.
  void kill_and_check(const Walk& walk) {
    steps_ = walk.steps;
    if (walk.last == Step::stuck) return blame(tally_.hangs, "the victim did not wake");
    if (walk.last == Step::gone) return blame(tally_.crashes, "the victim crashed");
    if (!stepper_->waiting()) place_ = stepper_->position();
    Nanoseconds since = now();
    starved_before_ = starved_in_all();
    victim_->kill();
    if (holder_ != nullptr && !holder_->role->finished.raised() && !holder_->child.ended()) since = now();
    advance_holder();
    advance_holder();
    if (sweep_.recover) {
      since = now();
      for (Player& player : players_) player.child.signal(SIGCONT);
    }
    for (Player& player : players_) {
      if (&player == holder_ && sweep_.holder_dies) continue;
      if (!check(player, since)) return;
    }
    std::vector<Player*> fresh;
    for (int i = 0; i < sweep_.newcomers; ++i) fresh.push_back(&start("newcomer", sweep_.use));
    for (Player* player : fresh) {
      if (!check(*player, since)) return;
    }
    check_sanity();
  }

 private:
  static constexpr Nanoseconds for_ever = 1000 * 1000 * second;

  struct Role {
    Flag ready, may_let_go, has_let_go, may_finish, finished;
    std::atomic<Nanoseconds> started{0}, finished_at{0};
  };

  struct Player {
    const char* who;
    SharedBox<Role> role;
    Child child;

    template <class Function>
    Player(const char* name, Function function) : who(name), child([this, &function] { function(*role); }) {}
  };

  // It stays until the point is over: its end would be an event of its own.
  Player& start(const char* who, const typename Sweep<State>::Function& function) {
    return players_.emplace_back(who, [this, &function](Role& role) {
      role.started = now();
      function(*state_);
      finish(role);
    });
  }

  static void finish(Role& role) {
    role.finished_at = now();
    role.finished.raise();
    for (;;) ::pause();
  }

  bool set_up_holder() {
    holder_ = &players_.emplace_back("holder", [this](Role& role) {
      sweep_.hold(*state_);
      role.ready.raise();
      role.may_let_go.wait(for_ever);
      role.started = now();
      sweep_.let_go(*state_);
      role.has_let_go.raise();
      if (sweep_.afterwards) {
        role.may_finish.wait(for_ever);
        role.started = now();
        sweep_.afterwards(*state_);
      }
      finish(role);
    });
    return holder_->role->ready.wait(sweep_.watchdog);
  }

  // One stage on: `let_go`, then `afterwards`.
  void advance_holder() {
    if (holder_ == nullptr) return;
    if (sweep_.holder_dies) return holder_->child.kill();
    Role& role = *holder_->role;
    if (!role.may_let_go.raised()) {
      holder_->child.signal(SIGCONT);
      role.may_let_go.raise();
      if (sweep_.afterwards) role.has_let_go.wait(sweep_.watchdog);
    } else {
      role.may_finish.raise();
    }
  }

  void start_victim(const typename Sweep<State>::Function& act) {
    stepper_.reset();
    victim_.emplace([this, &act] {
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      if (sweep_.prepare && &act == &sweep_.act) sweep_.prepare(*state_);
      State& state = *state_;
      marker();
      act(state);
      marker();
    });
    stepper_.emplace(*victim_, sweep_.sleeps_in, sweep_.watchdog);
  }

  /// Whether the player came through in time; waits counted from the kill, or from its own start if that was later.
  bool check(Player& player, Nanoseconds since) {
    const Nanoseconds deadline = now() + sweep_.watchdog;
    while (!player.role->finished.wait(20 * millisecond)) {
      if (player.child.ended()) return blame(tally_.crashes, player.who, " crashed"), false;
      if (now() > deadline + starved_in_all() - starved_before_) return blame(tally_.hangs, player.who, " made no progress"), false;
    }
    const Nanoseconds waited = player.role->finished_at - std::max<Nanoseconds>(since, player.role->started);
    if (waited < 0) return true;  // it was through before the kill
    tally_.sample(waited);
    if (waited > sweep_.slow && waited - (starved_in_all() - starved_before_) > sweep_.slow) blame(tally_.slow, player.who, " waited too long");
    return true;
  }

  /// What the machine itself kept everybody waiting for, which no lock can help; nearly nothing where it has nothing else to do.
  Nanoseconds starved_in_all() const {
    Nanoseconds sum = starved(::getpid());
    for (const Player& player : players_) sum += starved(player.child.pid());
    return sum;
  }

  void check_sanity() {
    if (!sweep_.sane) return;
    Child judge([this] { ::_exit(sweep_.sane(*state_) ? 0 : 1); });
    if (!poll_until(sweep_.watchdog, [&] { return judge.ended().has_value(); })) {
      blame(tally_.hangs, "the sanity check hung");
    } else if (judge.failed()) {
      blame(WIFEXITED(*judge.ended()) ? tally_.insane : tally_.crashes, "the state is not sane");
    }
  }

  bool fail(const char* why) {
    blame(tally_.hangs, why);
    return false;
  }

  void blame(Tally::Count& count, const char* who, const char* what = "") {
    ++count;
    Dl_info info{};
    const bool known = place_ != 0 && ::dladdr(reinterpret_cast<void*>(place_), &info) != 0;
    const std::uintptr_t base = known ? reinterpret_cast<std::uintptr_t>(info.dli_fbase) : 0;
    tally_.note("%s: point %llu, killed at %s+0x%llx (%s): %s%s", sweep_.name.c_str(),
                static_cast<unsigned long long>(steps_), known ? info.dli_fname : "?",
                static_cast<unsigned long long>(place_ - base),
                known && info.dli_sname != nullptr ? info.dli_sname : "-", who, what);
  }

  const Sweep<State>& sweep_;
  Tally& tally_;
  SharedBox<State> state_;
  std::list<Player> players_;
  std::optional<Child> victim_;
  std::optional<Stepper> stepper_;
  Player* holder_ = nullptr;
  std::uint64_t steps_ = 0;
  std::uintptr_t place_ = 0;
  Nanoseconds starved_before_ = 0;
};

}  // namespace kill_test
