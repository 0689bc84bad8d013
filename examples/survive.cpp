// SPDX-License-Identifier: BSL-1.0
// Workers that are killed at any moment, and a ledger that they keep all the same.
//
// Python (where all others wait for ever once a worker is killed inside "with"):
//   def work(total, reports, me):
//       while True:
//           with total.get_lock():
//               reports[me] += 1
//               total.value += 1
//
//   if __name__ == "__main__":
//       ...
//       while time.monotonic() < end:
//           time.sleep(random.uniform(0.001, 0.004))
//           victim = random.randrange(len(workers))
//           workers[victim].kill()
//           workers[victim].join()
//           workers[victim] = Process(target=work, args=(total, reports, victim))
//           workers[victim].start()
#include <multiprocessing.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <mutex>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

namespace mp = multiprocessing;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr std::size_t worker_count = 4;

struct Ledger {
  long total = 0;                               // what all have added
  std::array<long, worker_count> reports = {};  // what each says that it has added
  long holders_died = 0;
  bool sound = true;
  double longest_wait = 0;  // in milliseconds

  long reported() const { return std::accumulate(reports.begin(), reports.end(), 0L); }

  // Whoever comes after a dead holder finds what it left: nothing amiss, or one addition that is reported but not in
  // the total.
  void repair() {
    if (std::abs(reported() - total) > 1) sound = false;
    total = reported();
    ++holders_died;
  }
};

// Takes the ledger; it is in order then, whatever has happened to the last one who had it.
std::unique_lock<const mp::Value<Ledger>> take(const mp::Value<Ledger>& shared) {
  const auto asked = Clock::now();
  std::unique_lock guard(shared);
  Ledger& ledger = shared.get_obj();
  ledger.longest_wait = std::max(ledger.longest_wait, Milliseconds(Clock::now() - asked).count());
  if (shared.get_lock().owner_died()) ledger.repair();
  return guard;
}

void work(mp::Value<Ledger> shared, std::size_t me) {
  for (;;) {
    const auto guard = take(shared);
    Ledger& ledger = shared.get_obj();
    ++ledger.reports[me];
    ++ledger.total;
  }
}

int main() {
  const mp::Value<Ledger> shared;
  std::vector<mp::Process> workers;
  const auto start = [&](std::size_t number) {
    mp::Process worker(work, shared, number);
    worker.start();
    return worker;
  };
  for (std::size_t number = 0; number < worker_count; ++number) workers.push_back(start(number));

  std::mt19937 random(std::random_device{}());
  long killed = 0;
  for (const auto end = Clock::now() + std::chrono::seconds(2); Clock::now() < end; ++killed) {
    std::this_thread::sleep_for(std::chrono::microseconds(1000 + random() % 3000));
    const std::size_t victim = random() % worker_count;
    workers[victim].kill();
    workers[victim].join();
    take(shared);  // and back at once: here is one who waits as they do, and is never killed
    workers[victim] = start(victim);
  }
  for (mp::Process& worker : workers) {
    worker.kill();
    worker.join();
    ++killed;
  }

  const auto guard = take(shared);
  const Ledger& ledger = shared.get_obj();
  const bool agree = ledger.sound && ledger.total == ledger.reported();
  mp::print("Workers killed:", killed);
  mp::print("The lock's holder died:", ledger.holders_died);
  mp::print("Total:", ledger.total, agree ? "as the workers reported" : "and NOT what the workers reported");
  mp::print("Longest wait:", std::round(ledger.longest_wait * 10) / 10, "ms");
  return agree ? 0 : 1;
}
