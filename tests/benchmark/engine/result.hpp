// SPDX-License-Identifier: BSL-1.0
/// \file
/// Result: the readings of a case in all rounds, and what they say.
#pragma once

#include "case.hpp"
#include "measure.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

namespace benchmark {

/// The figures of one contender in one round.
struct Reading {
  Figures figures;
  double ping_pong = 0;  // the slower one of those right before and after; 0 where only one processor is used
};

/// Median, least and greatest.
struct Spread {
  double median = 0;
  double least = 0;
  double greatest = 0;

  static std::optional<Spread> of(std::vector<double> values) {
    if (values.empty()) return std::nullopt;
    const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
    const Spread spread{0, *least, *greatest};
    return Spread{benchmark::median(std::move(values)), spread.least, spread.greatest};
  }
};

/// What all rounds of a case have shown. Virtual machines are moved about by their host, and for seconds a cache line
/// takes five times as long from one processor to the other: readings of such spells are kept and told, but not
/// counted.
class Result {
 public:
  static constexpr double slow = 1.6;  // times the run's fastest ping-pong

  explicit Result(const Case& measured) : case_(&measured), readings_(measured.contenders.size()) {}

  const Case& measured() const { return *case_; }
  const std::vector<Reading>& readings(std::size_t contender) const { return readings_[contender]; }
  void add(std::size_t contender, Reading reading) { readings_[contender].push_back(reading); }

  /// To be told when all rounds are done: only then is the fastest ping-pong known.
  void fastest_ping_pong(double nanoseconds) { limit_ = slow * nanoseconds; }

  bool counts(std::size_t contender, std::size_t round) const {
    return readings_[contender][round].ping_pong <= limit_;
  }

  /// Nothing where all rounds were slow.
  std::optional<Spread> time(std::size_t contender) const {
    return spread(contender, contender, [](const Figures& figures, const Figures&) { return figures.nanoseconds; });
  }
  std::optional<Spread> fairness(std::size_t contender) const {
    if (!readings_[contender].front().figures.fairness) return std::nullopt;
    return spread(contender, contender, [](const Figures& figures, const Figures&) { return *figures.fairness; });
  }
  /// What ours took as a multiple of what `contender` took: of the two in one round, for what slows one slows the
  /// other.
  std::optional<Spread> ours_over(std::size_t contender) const {
    return spread(our_index(), contender,
                  [](const Figures& mine, const Figures& theirs) { return mine.nanoseconds / theirs.nanoseconds; });
  }
  std::size_t rounds() const { return readings_.front().size(); }
  std::size_t counted_rounds(std::size_t contender) const {
    std::size_t count = 0;
    for (std::size_t round = 0; round < rounds(); ++round) count += counts(contender, round) ? 1 : 0;
    return count;
  }

 private:
  std::size_t our_index() const {
    const auto& all = case_->contenders;
    return static_cast<std::size_t>(
        std::find_if(all.begin(), all.end(), [](const Contender& one) { return one.role == Role::ours; }) -
        all.begin());
  }

  template <class Function>
  std::optional<Spread> spread(std::size_t a, std::size_t b, Function function) const {
    std::vector<double> values;
    for (std::size_t round = 0; round < rounds(); ++round)
      if (counts(a, round) && counts(b, round))
        values.push_back(function(readings_[a][round].figures, readings_[b][round].figures));
    return Spread::of(std::move(values));
  }

  const Case* case_;
  std::vector<std::vector<Reading>> readings_;  // by contender, then by round
  double limit_ = std::numeric_limits<double>::infinity();
};

}  // namespace benchmark
