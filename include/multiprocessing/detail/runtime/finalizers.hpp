// SPDX-License-Identifier: BSL-1.0
/// \file
/// The callbacks that a process wants to run when it ends, in Python's order.
#pragma once

#include <algorithm>
#include <functional>
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
    callbacks_.insert(find(key), {key, std::move(callback)});
    return key;
  }

  bool contains(const Key& key) const {
    const auto found = std::lower_bound(callbacks_.begin(), callbacks_.end(), key, before);
    return found != callbacks_.end() && found->first == key;
  }

  /// Takes it out; empty when it is gone already.
  Callback take(const Key& key) {
    const auto found = find(key);
    if (found == callbacks_.end() || found->first != key) return {};
    Callback callback = std::move(found->second);
    callbacks_.erase(found);
    return callback;
  }

  /// All that have at least this priority, in the order in which they run.
  std::vector<Key> keys(int lowest) const {
    std::vector<Key> found;
    for (auto at = callbacks_.rbegin(); at != callbacks_.rend() && at->first.first >= lowest; ++at) found.push_back(at->first);
    return found;
  }

  /// In a child: forgets them without destroying them, since what they own is the parent's to end.
  void abandon() {
    if (!callbacks_.empty()) inherited_.push_back(std::exchange(callbacks_, {}));
  }

 private:
  // Sorted from the last to the first to run, so that most are added at the end. No map, which takes long to compile.
  using Callbacks = std::vector<std::pair<Key, Callback>>;

  static bool before(const Callbacks::value_type& entry, const Key& key) { return entry.first < key; }
  Callbacks::iterator find(const Key& key) { return std::lower_bound(callbacks_.begin(), callbacks_.end(), key, before); }

  Callbacks callbacks_;
  unsigned long serial_ = 0;
  std::vector<Callbacks> inherited_;
};

}  // namespace multiprocessing::detail
