// SPDX-License-Identifier: BSL-1.0
/// \file
/// The callbacks that a process wants to run when it ends, in Python's order.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// Callbacks by exit priority. Guarded by the Runtime's mutex; so it hands callbacks out and never calls one.
class Finalizers {
 public:
  using Callback = std::function<void()>;
  /// A priority and a serial number: high priorities come first, of equals the youngest.
  using Key = std::pair<int, unsigned long>;

  Finalizers() = default;
  Finalizers(const Finalizers&) = delete;
  Finalizers& operator=(const Finalizers&) = delete;
  ~Finalizers() {
    destroy(first_);
    destroy(inherited_);
  }

  Key add(int priority, Callback callback) {
    const Key key(priority, ++serial_);
    Entry*& place = place_of(key, first_);
    place = new Entry{key, std::move(callback), place};
    return key;
  }

  bool contains(const Key& key) {
    const Entry* const found = place_of(key, first_);
    return found != nullptr && found->key == key;
  }

  /// Takes it out; empty when it is gone already.
  Callback take(const Key& key) {
    Entry*& place = place_of(key, first_);
    if (place == nullptr || place->key != key) return {};
    Entry* const found = std::exchange(place, place->next);
    Callback callback = std::move(found->callback);
    delete found;
    return callback;
  }

  /// All that have at least this priority, in the order in which they run.
  std::vector<Key> keys(int lowest) const {
    std::vector<Key> found;
    for (const Entry* at = first_; at != nullptr && at->key.first >= lowest; at = at->next) found.push_back(at->key);
    return found;
  }

  /// In a child: forgets them without destroying them, since what they own is the parent's to end.
  void abandon() {
    Entry** end = &inherited_;
    while (*end != nullptr) end = &(*end)->next;
    *end = std::exchange(first_, nullptr);
  }

 private:
  /// A list, in the order in which they run; so most are added to its beginning. No container of the standard library,
  /// each of which takes every unit of a program time to compile.
  struct Entry {
    Key key;
    Callback callback;
    Entry* next;
  };

  /// Where it is, or else belongs.
  static Entry*& place_of(const Key& key, Entry*& first) {
    Entry** at = &first;
    while (*at != nullptr && (*at)->key > key) at = &(*at)->next;
    return *at;
  }
  static void destroy(Entry* first) {
    while (first != nullptr) delete std::exchange(first, first->next);
  }

  Entry* first_ = nullptr;
  Entry* inherited_ = nullptr;
  unsigned long serial_ = 0;
};

}  // namespace multiprocessing::detail
