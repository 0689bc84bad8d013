// SPDX-License-Identifier: BSL-1.0
/// \file
/// What debug_dump() says of a shared object: told by the header that knows its state, which lies on a higher floor.
#pragma once

#include <multiprocessing/detail/memory/lock_word.hpp>
#include <multiprocessing/detail/memory/objects.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <string>

namespace multiprocessing::detail {

/// Reads a state without a lock, in a program that may be stuck.
struct KindText {
  OwnerRef (*holder)(const void* state) noexcept;                        // who alone keeps all others out; nullptr: never anybody
  std::string (*text)(const ArenaMemory& arena, const void* state);      // what is to be said of it; empty: nothing
};

inline constinit std::array<std::atomic<const KindText*>, object_kind_count> kind_texts{};

/// Says how objects of `kind` are described; a header says it by an inline variable. `text` lives for ever.
inline bool describe_kind(ObjectKind kind, const KindText& text) noexcept {
  kind_texts[static_cast<std::size_t>(kind)].store(&text, std::memory_order_release);
  return true;
}

/// `thread 71 of process 70`, and whether it is dead.
inline std::string thread_text(const ArenaMemory& arena, OwnerRef owner) {
  if (owner.slot() >= slot_limit) return "nobody";
  const ThreadSlot& slot = arena.thread(owner.slot());
  // Its slot lives again, so its id is not known any more.
  if ((slot.generation.load(std::memory_order_acquire) & 0xffffu) != owner.generation()) return "a thread that is dead";
  const ProcessRef process(slot.process.load(std::memory_order_relaxed));
  return "thread " + std::to_string(slot.thread_id.load(std::memory_order_relaxed)) + " of process " +
         std::to_string(arena.process(process.slot()).pid.load(std::memory_order_relaxed)) +
         (is_dead(arena, owner) ? ", which is dead" : "");
}

/// Of an object that begins with a lock.
inline constexpr KindText lock_text{
    [](const void* state) noexcept {
      return OwnerRef(static_cast<const LockState*>(state)->word.load(std::memory_order_acquire));
    },
    [](const ArenaMemory& arena, const void* state) {
      const OwnerRef holder(static_cast<const LockState*>(state)->word.load(std::memory_order_acquire));
      return holder ? "held by " + thread_text(arena, holder) : std::string();
    }};
inline const bool locks_are_described =
    describe_kind(ObjectKind::lock, lock_text) && describe_kind(ObjectKind::rlock, lock_text) &&
    describe_kind(ObjectKind::value, lock_text) && describe_kind(ObjectKind::array, lock_text);

}  // namespace multiprocessing::detail
