// SPDX-License-Identifier: BSL-1.0
/// \file
/// The callbacks that a process wants to run when it ends, in Python's order.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// Callbacks by exit priority. Guarded by the Runtime's mutex; so it hands callbacks out and never calls one.
class Finalizers {
 public:
  using Callback = std::function<void()>;
  /// A priority and a serial number: high priorities come first, of equals the youngest.
  using Key = std::pair<int, unsigned long>;

  Key add(int priority, Callback callback) {
    const Key key(priority, ++serial_);
    callbacks_.emplace(key, std::move(callback));
    return key;
  }

  bool contains(const Key& key) const { return callbacks_.contains(key); }

  /// Takes it out; empty when it is gone already.
  Callback take(const Key& key) {
    const auto found = callbacks_.extract(key);
    return found ? std::move(found.mapped()) : Callback();
  }

  /// All that have at least this priority, in the order in which they run.
  std::vector<Key> keys(int lowest) const {
    std::vector<Key> found;
    for (const auto& [key, callback] : callbacks_) {
      if (key.first >= lowest) found.push_back(key);
    }
    return found;
  }

  /// In a child: forgets them without destroying them, since what they own is the parent's to end.
  void abandon() {
    if (!callbacks_.empty()) inherited_.push_back(std::exchange(callbacks_, {}));
  }

 private:
  using Callbacks = std::map<Key, Callback, std::greater<>>;

  Callbacks callbacks_;
  unsigned long serial_ = 0;
  std::vector<Callbacks> inherited_;
};

}  // namespace multiprocessing::detail
