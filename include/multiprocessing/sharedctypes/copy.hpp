// SPDX-License-Identifier: BSL-1.0
/// \file
/// copy: a new object in shared memory with the content of another.
#pragma once

#include <multiprocessing/sharedctypes/array.hpp>
#include <multiprocessing/sharedctypes/value.hpp>

namespace multiprocessing {

/// A new object, without a lock, that begins as a copy. (A copy of a handle refers to the same object.)
template <class T>
RawValue<T> copy(const RawValue<T>& object) {
  return RawValue<T>(object.get_obj());
}
/// The content is read under its lock; the new object has none. Give it one by synchronized().
template <class T>
RawValue<T> copy(const Value<T>& object) {
  return RawValue<T>(object.get());
}
template <class T>
RawArray<T> copy(const RawArray<T>& object) {
  return RawArray<T>(object.get_obj());
}
template <class T>
RawArray<T> copy(const Array<T>& object) {
  return RawArray<T>(object.slice());
}

}  // namespace multiprocessing
