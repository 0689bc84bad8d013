// SPDX-License-Identifier: BSL-1.0
/// \file
/// synchronized: a raw object, seen through a lock.
#pragma once

#include <multiprocessing/sharedctypes/array.hpp>
#include <multiprocessing/sharedctypes/value.hpp>

#include <optional>
#include <utility>

namespace multiprocessing {

/// A Value of the same object, whose accesses take `lock`; without one a lock that lies beside the object, the same for
/// all who call this for it. The raw handle goes on without a lock.
template <class T>
Value<T> synchronized(const RawValue<T>& raw, std::optional<AnyLock> lock) {
  return Value<T>(raw, std::move(lock), typename Value<T>::made());
}
/// An Array of the same elements, likewise.
template <class T>
Array<T> synchronized(const RawArray<T>& raw, std::optional<AnyLock> lock) {
  return Array<T>(raw, std::move(lock), typename Array<T>::made());
}
template <class T>
void synchronized(const Value<T>&, std::optional<AnyLock> = {}) = delete;  // object already synchronized
template <class T>
void synchronized(const Array<T>&, std::optional<AnyLock> = {}) = delete;  // object already synchronized

}  // namespace multiprocessing
