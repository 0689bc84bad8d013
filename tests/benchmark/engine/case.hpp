// SPDX-License-Identifier: BSL-1.0
/// \file
/// Case: one thing that is measured, ours and its peers; and the list of all. A source file adds its own by one object
/// at namespace scope.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace benchmark {

/// What one reading gives. Everything is a time for one operation, so that less is always better.
struct Figures {
  double nanoseconds = 0;
  std::optional<double> fairness;  // where processes compete: operations of the slowest by those of the fastest
};

/// Who is measured: ours, the best that the machine can do, or another way to do the same.
enum class Role { ours, limit, peer };

struct Contender {
  Role role;
  std::string who;
  std::function<Figures()> read;  // called in a process of its own, which ends right after
};

inline Contender ours(std::string who, std::function<Figures()> read) {
  return {Role::ours, std::move(who), std::move(read)};
}
inline Contender limit(std::string who, std::function<Figures()> read) {
  return {Role::limit, std::move(who), std::move(read)};
}
inline Contender peer(std::string who, std::function<Figures()> read) {
  return {Role::peer, std::move(who), std::move(read)};
}

/// What ours may take, as a multiple of what `against` takes in the same run.
struct Target {
  std::string against;
  double must;
  std::optional<double> bold;
};

/// Where a case runs. Only the first two are stable enough to judge by.
enum class Place {
  one_core,   // all on the first processor
  two_cores,  // the sides of a competition on the first and the second in turn
  free,       // left to the scheduler
};

struct Case {
  std::string name;  // chapter.what
  std::string says;
  Place place = Place::one_core;
  std::vector<Contender> contenders;  // one of them ours
  std::vector<Target> targets = {};
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

/// `const Add lock_pair{{.name = "lock.pair", ...}};`
class Add {
 public:
  explicit Add(Case added) { cases().push_back(std::move(added)); }
};

}  // namespace benchmark
