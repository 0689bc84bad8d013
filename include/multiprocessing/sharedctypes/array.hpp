// SPDX-License-Identifier: BSL-1.0
/// \file
/// Array: a row of objects in shared memory, with its lock.
#pragma once

#include <multiprocessing/detail/synchronize/timed_lockable.hpp>
#include <multiprocessing/sharedctypes/element_reference.hpp>
#include <multiprocessing/sharedctypes/raw_array.hpp>
#include <multiprocessing/sharedctypes/reference.hpp>

#include <chrono>
#include <compare>
#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <ostream>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace multiprocessing {

template <class T>
Array<T> synchronized(const RawArray<T>& raw);
template <class T>
Array<T> synchronized(const RawArray<T>& raw, const AnyLock& lock);

/// A row of numbers, or of any `shareable` structs, that processes share, with a lock; the counterpart of Python's
/// `Array`.
///
///     mp::Array<int> a(mp::range(10));
///     a[0] += 1;                                        // atomic
///     for (auto&& n : a) n = -n;                        // each n under the lock
///     std::scoped_lock guard(a);                        // or all of them
///     std::ranges::sort(a.get_obj());
///
/// Its lock is an RLock of its own, or the Lock or RLock given last. Every read and write takes it; who already holds
/// it, if it is an RLock, takes it once more. What touches many elements is faster by with() or get_obj(), a std::span.
///
/// Shared:  copies refer to one array; pass them to a Process or capture them in a lambda.
/// Threads: every member may be called from any thread of any process.
/// Fork:    a lock held across fork is held by the parent's thread alone.
/// Death:   when a holder is killed the next access takes the lock over, and get_lock().owner_died() says so meanwhile.
/// Cost:    an access, to an element or a slice, is one acquire() and release(): no system call unless someone waits.
template <class T>
class Array : public detail::TextMembers<Array<T>, T>, public detail::TimedLockable<Array<T>> {
  static_assert(shareable<T>,
                "Array<T>: T is copied as bytes between processes, so it may not hold pointers, nor "
                "memory of its own as std::string does");
  static_assert(detail::require_storable<T>());

 public:
  class iterator;
  using const_iterator = iterator;
  using value_type = T;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;

  /// `size` elements `T{}`: zero, for numbers. Throws ValueError if it is negative, ArenaFull when there is no room.
  template <detail::countable Integer>
  explicit Array(Integer size) : Array(made(), RawArray<T>(size)) {}
  template <detail::countable Integer>
  Array(Integer size, const AnyLock& lock) : Array(made(), RawArray<T>(size), lock) {}

  explicit Array(std::initializer_list<T> elements) : Array(made(), RawArray<T>(elements)) {}
  Array(std::initializer_list<T> elements, const AnyLock& lock) : Array(made(), RawArray<T>(elements), lock) {}

  template <detail::size_unlike<T> Size>
  explicit Array(std::initializer_list<Size>) = delete;  // {n} is a list of one element: for n elements write a(n)

  /// The elements of a range, converted; of a text, its characters without the NUL that ends a literal.
  template <detail::other_than<Array> Range>
  requires detail::sequence_for<Range, T>
  explicit Array(Range&& elements) : Array(made(), RawArray<T>(detail::make_from<T>(std::forward<Range>(elements)))) {}
  template <detail::sequence_for<T> Range>
  Array(Range&& elements, const AnyLock& lock)
      : Array(made(), RawArray<T>(detail::make_from<T>(std::forward<Range>(elements))), lock) {}

  Array(const Array&) = default;
  Array& operator=(const Array&) = default;
  void operator=(std::initializer_list<T>) = delete;  // to change the elements: a.assign(0, a.size(), {1, 2, 3})

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  /// The element at `index`, usable in this expression; negative ones count from the end. Throws IndexError beyond.
  template <detail::countable Integer>
  ElementReference<T> operator[](Integer index) const {
    return {data_ + detail::checked_index(index, size_), &guarded_};
  }
  /// A copy of the element at `index`.
  template <detail::countable Integer>
  T at(Integer index) const {
    return (*this)[index].get();
  }

  iterator begin() const { return iterator(data_, &guarded_); }
  iterator end() const { return iterator(data_ + size_, &guarded_); }

  /// Python's `a[start:stop:step]`: a vector, or for char a string, of copies, all made under one lock. Bounds may be
  /// negative, absent (`{}`) or beyond.
  detail::slice_t<T> slice(detail::SliceIndex start = {}, detail::SliceIndex stop = {},
                           detail::SliceIndex step = {}) const {
    const detail::Slice slice(size_, start, stop, step);
    detail::slice_t<T> copies;
    copies.reserve(slice.size());  // before the lock is taken: nobody waits for our memory
    const detail::Hold hold(guarded_);
    detail::copy_out(data_, slice, copies);
    return copies;
  }

  /// Python's `a[start:stop] = elements`, under one lock. Throws ValueError unless there are as many as the slice has.
  template <detail::sequence_for<T> Range>
  void assign(detail::SliceIndex start, detail::SliceIndex stop, Range&& elements) const {
    assign(start, stop, {}, std::forward<Range>(elements));
  }
  void assign(detail::SliceIndex start, detail::SliceIndex stop, std::initializer_list<T> elements) const {
    assign(start, stop, {}, std::span<const T>(elements.begin(), elements.size()));
  }
  /// Python's `a[start:stop:step] = elements`.
  template <detail::sequence_for<T> Range>
  void assign(detail::SliceIndex start, detail::SliceIndex stop, detail::SliceIndex step, Range&& elements) const {
    const detail::Slice slice(size_, start, stop, step);
    detail::with_row<T>(std::forward<Range>(elements), [&](std::span<const T> row) {
      detail::require_same_size(slice, row);
      const detail::Hold hold(guarded_);
      detail::copy_in(data_, slice, row);
    });
  }
  void assign(detail::SliceIndex start, detail::SliceIndex stop, detail::SliceIndex step,
              std::initializer_list<T> elements) const {
    assign(start, stop, step, std::span<const T>(elements.begin(), elements.size()));
  }

  /// Calls `function(elements)`, a std::span, under the lock and returns what that returns.
  template <std::invocable<std::span<T>> Function>
  decltype(auto) with(Function&& function) const {
    const detail::Hold hold(guarded_);
    return std::invoke(std::forward<Function>(function), std::span<T>(data_, size_));
  }

  /// The elements themselves; whoever uses them holds the lock, or knows why not. Throws StaleHandle when they are
  /// gone.
  std::span<T> get_obj() const {
    guarded_.check();
    return {data_, size_};
  }
  AnyLock get_lock() const { return guarded_.get_lock(); }

  /// Takes the lock, waiting until it is free or `timeout` has passed; returns whether it was taken.
  bool acquire(Timeout timeout = std::nullopt) const { return guarded_.acquire(timeout); }
  /// Gives the lock back. Throws as the lock's own release() does.
  void release() const { guarded_.release(); }

  /// How it is sent: see detail/memory/shared_ref.hpp.
  template <class Archive>
  void serialize(Archive& archive) {
    detail::match_element<T>(archive);
    guarded_.serialize(archive);
    if constexpr (Archive::loading) {
      const auto elements = detail::elements_in<T>(guarded_.object());
      data_ = elements.data();
      size_ = elements.size();
    }
  }

  /// The text of its slice(): `[1, 2, 3]`, or `'text'`.
  friend std::string repr_of(const Array& a) { return detail::text_of<detail::Style::repr>(a.slice()); }
  friend std::ostream& operator<<(std::ostream& out, const Array& a) { return out << repr_of(a); }

 private:
  struct made {};  // tells what the class calls itself from a user's arguments
  friend Array synchronized<T>(const RawArray<T>& raw);
  friend Array synchronized<T>(const RawArray<T>& raw, const AnyLock& lock);

  template <class... Lock>
  explicit Array(made, const RawArray<T>& array, const Lock&... lock)
      : guarded_(array.elements_.object, lock...), data_(array.elements_.data), size_(array.elements_.size) {}

  detail::Guarded guarded_;
  T* data_;
  std::size_t size_;
};

/// Walks an Array with random access, element by element under the lock; valid as long as the Array that gave it. It
/// holds what it yields, so that `for (auto& n : a)` means the elements: by the standard's letter an input iterator.
template <class T>
class Array<T>::iterator {
 public:
  using value_type = T;
  using difference_type = std::ptrdiff_t;
  using reference = const SharedReference<T, const detail::Guarded*>&;
  using pointer = void;
  using iterator_category = std::input_iterator_tag;

  iterator() : element_(nullptr, nullptr) {}
  iterator(const iterator& other) : element_(other.element_.at_, other.element_.guard_) {}
  iterator& operator=(const iterator& other) {
    element_.rebind(other.element_);
    return *this;
  }

  reference operator*() const { return element_; }
  ElementReference<T> operator[](std::ptrdiff_t n) const { return {element_.at_ + n, element_.guard_}; }

  iterator& operator++() { return *this += 1; }
  iterator& operator--() { return *this -= 1; }
  iterator operator++(int) {
    iterator before = *this;
    ++*this;
    return before;
  }
  iterator operator--(int) {
    iterator before = *this;
    --*this;
    return before;
  }
  iterator& operator+=(std::ptrdiff_t n) {
    element_.at_ += n;
    return *this;
  }
  iterator& operator-=(std::ptrdiff_t n) { return *this += -n; }
  friend iterator operator+(iterator i, std::ptrdiff_t n) { return i += n; }
  friend iterator operator+(std::ptrdiff_t n, iterator i) { return i += n; }
  friend iterator operator-(iterator i, std::ptrdiff_t n) { return i -= n; }
  std::ptrdiff_t operator-(const iterator& other) const { return element_.at_ - other.element_.at_; }
  bool operator==(const iterator& other) const { return element_.at_ == other.element_.at_; }
  auto operator<=>(const iterator& other) const { return element_.at_ <=> other.element_.at_; }

 private:
  friend class Array;
  iterator(T* at, const detail::Guarded* guarded) : element_(at, guarded) {}

  SharedReference<T, const detail::Guarded*> element_;
};

template <class T>
struct detail::Blank<Array<T>> {
  static Array<T> make() { return Array<T>(0); }
};

template <std::ranges::input_range Range>
Array(Range&&) -> Array<std::ranges::range_value_t<Range>>;
template <std::ranges::input_range Range>
Array(Range&&, const AnyLock&) -> Array<std::ranges::range_value_t<Range>>;
template <class T>
Array(std::initializer_list<T>) -> Array<T>;
template <class T>
Array(std::initializer_list<T>, const AnyLock&) -> Array<T>;
Array(const char*)->Array<char>;
Array(const char*, const AnyLock&)->Array<char>;

}  // namespace multiprocessing
