// SPDX-License-Identifier: BSL-1.0
/// \file
/// How long a call takes: the median of batches long enough for the clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <vector>

namespace benchmark {

using Clock = std::chrono::steady_clock;
using Nanoseconds = std::chrono::duration<double, std::nano>;

/// How long a reading lasts; set once, before the first.
inline std::chrono::milliseconds reading_time{40};

/// Makes the compiler believe that all memory is read and written here.
inline void barrier() { asm volatile("" ::: "memory"); }

/// Makes the compiler believe that `value` is used.
template <class T>
void use(const T& value) {
  asm volatile("" ::"m"(value) : "memory");
}

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Nanoseconds that `calls` calls take.
template <std::invocable Call>
double time_of(std::uint64_t calls, Call& call) {
  const auto begin = Clock::now();
  for (std::uint64_t i = 0; i < calls; ++i) call();
  return Nanoseconds(Clock::now() - begin).count();
}

/// Nanoseconds that one call takes: the median of batches, for as long as a reading lasts.
template <std::invocable Call>
double per_call(Call call) {
  const double reading = Nanoseconds(reading_time).count();
  const double batch = reading / 50;
  std::uint64_t calls = 1;
  while (time_of(calls, call) < batch) calls *= 2;
  std::vector<double> samples;
  const auto end = Clock::now() + reading_time;
  do samples.push_back(time_of(calls, call) / static_cast<double>(calls));
  while (Clock::now() < end);
  return median(std::move(samples));
}

/// Work that touches no memory, as a program does between two turns with a lock.
class Work {
 public:
  explicit Work(double nanoseconds) {
    if (nanoseconds == 0) return;
    rounds_ = 1000;
    auto once = [this] { (*this)(); };
    double fastest = time_of(1, once);
    for (int i = 0; i < 100; ++i) fastest = std::min(fastest, time_of(1, once));
    rounds_ = static_cast<std::uint32_t>(1000 * nanoseconds / fastest);
  }

  void operator()() const {
    for (std::uint32_t i = 0; i < rounds_; ++i) asm volatile("");
  }

 private:
  std::uint32_t rounds_ = 0;
};

}  // namespace benchmark
