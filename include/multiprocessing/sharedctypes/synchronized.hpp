// SPDX-License-Identifier: BSL-1.0
/// \file
/// synchronized: a raw object, seen through a lock.
#pragma once

#include <multiprocessing/sharedctypes/array.hpp>
#include <multiprocessing/sharedctypes/value.hpp>

namespace multiprocessing {

/// A Value of the same object. Its lock lies beside the object: the same one for all who call this. The raw handle goes
/// on without a lock.
template <class T>
Value<T> synchronized(const RawValue<T>& raw) {
  return Value<T>(typename Value<T>::made(), raw);
}
/// A Value of the same object, guarded by `lock`.
template <class T>
Value<T> synchronized(const RawValue<T>& raw, const AnyLock& lock) {
  return Value<T>(typename Value<T>::made(), raw, lock);
}
/// An Array of the same elements, likewise.
template <class T>
Array<T> synchronized(const RawArray<T>& raw) {
  return Array<T>(typename Array<T>::made(), raw);
}
/// An Array of the same elements, guarded by `lock`.
template <class T>
Array<T> synchronized(const RawArray<T>& raw, const AnyLock& lock) {
  return Array<T>(typename Array<T>::made(), raw, lock);
}
template <class T>
void synchronized(const Value<T>&) = delete;  // object already synchronized
template <class T>
void synchronized(const Array<T>&) = delete;  // object already synchronized

}  // namespace multiprocessing
