// SPDX-License-Identifier: BSL-1.0
/// \file
/// SharedRef: what a handle holds: an object in the arena, and how many handles of this process refer to it.
#pragma once

#include <multiprocessing/detail/memory/blank.hpp>
#include <multiprocessing/detail/memory/heap.hpp>
#include <multiprocessing/detail/memory/objects.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <utility>

namespace multiprocessing::detail {

/// How many handles this process holds of one object. Lies in private memory, so that fork duplicates it exactly.
struct LocalCount {
  std::atomic<std::size_t> handles;
  std::uint64_t id;   // of the object when the first handle was made
  bool lent = false;  // the first handle was sent here: others count for the object
};

/// Whether what this thread sends goes to a child that is about to be born: what its parent holds then lives as long as the
/// child does, as after a fork.
inline thread_local constinit bool sending_to_child = false;

/// Keeps an object that is sent to any process of the family, which nobody counts, until none lives that may hold it: it counts
/// as older than all of them. Of the first process only others' objects have to: what it sends itself would else be kept for
/// its own sake.
inline void lend(const ArenaMemory& arena, ObjectHeader& header) noexcept {
  if (sending_to_child) return;
  const ProcessRef self = this_process(arena);
  const std::uint64_t oldest = self && arena.process(self.slot()).birth.load(std::memory_order_relaxed) == 1 ? 1 : 0;
  std::uint64_t birth = header.birth.load(std::memory_order_relaxed);
  while (birth > oldest && !header.birth.compare_exchange_weak(birth, oldest, std::memory_order_relaxed)) {
  }
}

/// Frees a shared object if nobody can use it, else leaves it to those who can: the last handle of this process is gone.
inline void drop_object(void* object, std::uint64_t id) noexcept {
  const ArenaMemory arena = the_arena();
  ObjectHeader& header = header_of(object);
  const ProcessRef process = this_process(arena);
  // Only the creator counts for the arena; a child that holds copies is counted as long as it lives.
  if (!process || header.id.load(std::memory_order_acquire) != id || header.creator.load(std::memory_order_relaxed) != process.bits())
    return;
  try {
    ThreadIdentity& self = this_thread();
    const std::uint64_t birth = header.birth.load(std::memory_order_relaxed);
    if (birth == arena.header().forks.load(std::memory_order_acquire) || !lives_since(arena, birth, process)) {
      header.id.store(0, std::memory_order_release);
      Heap(self).deallocate(&header);
    } else {
      arena.header().dropped.fetch_add(1, std::memory_order_relaxed);
      header.dropped.store(arena.header().forks.load(std::memory_order_relaxed), std::memory_order_relaxed);
      header.creator.store(0, std::memory_order_release);  // after the count that explains it
    }
    // Last: if this process dies on the way, what it made is still looked for.
    arena.process(process.slot()).objects.fetch_sub(1, std::memory_order_relaxed);
  } catch (const std::exception&) {
    // No slot for this thread: the object is freed when its creator is gone.
  }
}

/// Refers to a T in the arena. Copies refer to the same one, moving copies, it is never null.
///
/// Fork:    a child's copies refer to the same object, which lives as long as the child may use it.
/// Death:   an object outlives its killed creator for as long as a process lives that may hold it.
/// Cost:    a copy is one increment in private memory; a look at the object checks in one load that it is still the same.
template <class T>
class SharedRef {
 public:
  /// A new object with `extra` bytes behind it, built by `build(where)`, which finds all of it uninitialised; published
  /// when that returns. With bytes behind it, or an alignment over 16, the object begins 32 bytes into a line.
  template <class Build>
  static SharedRef make(ObjectKind kind, std::size_t extra, Build build) {
    static_assert(alignof(T) <= 32);
    ThreadIdentity& self = this_thread();
    const ArenaMemory arena = self.arena;
    Heap heap(self);
    const std::size_t bytes = sizeof(T) + extra;
    auto local = std::make_unique<LocalCount>();
    auto* const block = static_cast<std::byte*>(
        heap.allocate(object_offset + bytes, extra == 0 && alignof(T) <= 16 ? 16 : cache_line, Domain::object, BlockState::draft));
    // Not by a constructor: who looks through the objects may still look at what lay here before.
    auto& header = *reinterpret_cast<ObjectHeader*>(block);
    const ProcessRef process = this_process(arena);
    header.id.store(0, std::memory_order_relaxed);
    header.creator.store(process.bits(), std::memory_order_relaxed);
    T* object;
    try {
      object = build(static_cast<void*>(block + object_offset));
    } catch (...) {
      heap.deallocate(block);
      throw;
    }
    header.kind.store(kind, std::memory_order_relaxed);
    header.birth.store(birth_of_object(arena), std::memory_order_relaxed);
    header.dropped.store(0, std::memory_order_relaxed);
    local->id = arena.header().next_object.fetch_add(1, std::memory_order_relaxed) + 1;
    local->handles.store(1, std::memory_order_relaxed);
    // Counted first: if this process dies now, what it made is looked for.
    arena.process(process.slot()).objects.fetch_add(1, std::memory_order_relaxed);
    header.id.store(local->id, std::memory_order_release);  // after all that it stands for
    heap.publish(block);
    return SharedRef(object, local.release());
  }

  /// Refers to the T that another object begins with; counted together with the references to the whole.
  template <class Whole>
  SharedRef(const SharedRef<Whole>& whole, T Whole::*first) noexcept
      : object_(&(whole.object_->*first)), local_(whole.local_) {
    local_->handles.fetch_add(1, std::memory_order_relaxed);
  }

  SharedRef(const SharedRef& other) noexcept : object_(other.object_), local_(other.local_) {
    local_->handles.fetch_add(1, std::memory_order_relaxed);  // the count alone; the object is not touched
  }
  SharedRef& operator=(const SharedRef& other) noexcept {
    SharedRef copy(other);
    std::swap(object_, copy.object_);
    std::swap(local_, copy.local_);
    return *this;
  }
  ~SharedRef() {
    // Acquire and release: what other threads did by their handles comes before the object is freed.
    if (local_->handles.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    if (!local_->lent) drop_object(object_, local_->id);
    delete local_;
  }

  /// The object. Throws StaleHandle when it is gone, as after its creator let it go unaware of a child made by clone.
  T& operator*() const {
    check();
    return *object_;
  }
  T* operator->() const { return &**this; }
  /// The object without a look at whether it is still there.
  T* unchecked() const noexcept { return object_; }
  void check() const {
    // Relaxed: whoever frees the object also did so before this handle could be used, or the program races with itself.
    if (header_of(object_).id.load(std::memory_order_relaxed) != local_->id) [[unlikely]] throw_stale();
  }

  /// How a reference is sent: by the arena, the object's place in it and its number, which is never used twice. One that has
  /// arrived throws StaleHandle when the object is gone.
  template <class Archive>
  void serialize(Archive& archive) {
    const ArenaMemory arena = the_arena();
    std::uint64_t family = arena.header().family, offset = 0, id = 0;
    if constexpr (Archive::loading) {
      archive(family, offset, id);
      *this = received(arena, family, offset, id);
    } else {
      check();
      lend(arena, header_of(object_));
      offset = arena.offset_of(object_);
      id = local_->id;
      archive(family, offset, id);
    }
  }

  friend bool operator==(const SharedRef& a, const SharedRef& b) noexcept {
    return a.object_ == b.object_ && a.local_->id == b.local_->id;
  }

 private:
  template <class>
  friend class SharedRef;

  SharedRef(T* object, LocalCount* local) noexcept : object_(object), local_(local) {}

  static SharedRef received(const ArenaMemory& arena, std::uint64_t family, std::uint64_t offset, std::uint64_t id) {
    if (arena.header().family != family)
      throw StaleHandle("a handle was sent to a process that is not of its family: it was not started by one that has the same arena");
    auto* const object = arena.base() + offset;
    if (offset > arena.header().size - sizeof(T) || offset % 16 != 0 || !arena.holds(object) || id == 0)
      throw StaleHandle("a handle that was received is none: its place in the arena would be " + std::to_string(offset));
    static_cast<void>(this_thread());  // from now on this process counts for what it holds
    // Acquire: what is in the object was written before its number. Memory that no object has reads as 0.
    if (header_of(object).id.load(std::memory_order_acquire) != id) throw_stale();
    auto local = std::make_unique<LocalCount>();
    local->handles.store(1, std::memory_order_relaxed);
    local->id = id;
    local->lent = true;
    return SharedRef(reinterpret_cast<T*>(object), local.release());
  }

  [[noreturn]] static void throw_stale() {
    throw StaleHandle(
        "this handle's object is gone: the process that made it let it go, and did not know of this one (a child made by "
        "_Fork or clone that had not used the library yet); keep a handle in the maker for as long as children need it");
  }

  T* object_;
  LocalCount* local_;
};

}  // namespace multiprocessing::detail
