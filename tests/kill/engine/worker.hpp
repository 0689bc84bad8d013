// SPDX-License-Identifier: BSL-1.0
/// \file
/// Worker: what a storm's worker tells the harness; Exclusion: finds two owners of one section.
#pragma once

#include "clock.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <random>

namespace kill_test {

/// The diary of one worker thread, in shared memory: it outlives its writer, and its successor goes on in it.
struct Diary {
  std::atomic<Nanoseconds> waiting_since;   ///< 0: it does not wait
  std::atomic<Nanoseconds> stopped_before;  ///< what `stopped_total` was then
  std::atomic<Nanoseconds> answered_kill;   ///< the last kill that its writer made progress after
  std::atomic<Nanoseconds> answered_at;
  std::atomic<Nanoseconds> longest_wait;
  Nanoseconds judged;  ///< the longest one that was found excusable
  std::atomic<std::uint64_t> acknowledged, operations, recoveries;
  std::atomic<std::uint64_t> life;    ///< number of the present writer
  std::atomic<std::uint64_t> doomed;  ///< number of the last writer that was killed, set before the kill
};

/// The diaries, and the time during which some worker was stopped: nobody's wait counts then.
struct StormBoard {
  static constexpr std::size_t most_workers = 64;
  std::array<Diary, most_workers> diaries;
  std::atomic<Nanoseconds> stopped_total;
  std::atomic<Nanoseconds> last_kill;
  std::atomic<bool> over;
};

class Worker {
 public:
  Worker(StormBoard& board, std::size_t slot, std::uint64_t life, std::uint64_t seed)
      : board_(board), diary_(board.diaries[slot]), slot_(slot), life_(life), random_(seed) {}

  /// Measures a call that may wait for others; returns what it returns.
  template <class Call>
  decltype(auto) waits(Call call) {
    diary_.stopped_before = board_.stopped_total.load();
    diary_.waiting_since = now();
    struct Done {
      Worker& worker;
      ~Done() { worker.waited(); }
    } done{*this};
    return call();
  }

  /// One operation is through: its effect must be found for ever after.
  void acknowledge() {
    ++diary_.acknowledged;
    progress();
  }

  void progress() {
    ++diary_.operations;
    const Nanoseconds kill = board_.last_kill;
    if (diary_.answered_kill == kill) return;
    diary_.answered_at = now();
    diary_.answered_kill = kill;
  }

  /// A dead predecessor was cleaned up after.
  void recovered() { ++diary_.recoveries; }

  bool over() const { return board_.over; }
  std::size_t slot() const { return slot_; }
  std::mt19937_64& random() { return random_; }

  /// Never 0.
  std::uint64_t ticket() const { return (life_ << 8) | (slot_ + 1); }

  bool was_doomed(std::uint64_t ticket) const { return board_.diaries[(ticket & 0xff) - 1].doomed >= ticket >> 8; }

 private:
  void waited() {
    const Nanoseconds stopped = board_.stopped_total - diary_.stopped_before;
    const Nanoseconds wait = now() - diary_.waiting_since - stopped;
    diary_.waiting_since = 0;
    if (wait > diary_.longest_wait) diary_.longest_wait = wait;
  }

  StormBoard& board_;
  Diary& diary_;
  std::size_t slot_;
  std::uint64_t life_;
  std::mt19937_64 random_;
};

/// Put into a State, entered and left under its lock: counts those who found a living other inside.
class Exclusion {
 public:
  void enter(const Worker& worker) {
    const std::uint64_t other = inside_.exchange(worker.ticket());
    if (other != 0 && !worker.was_doomed(other)) ++violations_;
  }
  void leave(const Worker& worker) {
    std::uint64_t mine = worker.ticket();
    if (!inside_.compare_exchange_strong(mine, 0)) ++violations_;
  }
  bool violated() const { return violations_ != 0; }

 private:
  std::atomic<std::uint64_t> inside_{0}, violations_{0};
};

}  // namespace kill_test
