// SPDX-License-Identifier: BSL-1.0
/// \file
/// debug_dump: who holds what, who waits for whom, who died where.
#pragma once

#include <multiprocessing/detail/memory/lock_word.hpp>
#include <multiprocessing/detail/memory/reclaim.hpp>

#include <iostream>
#include <map>
#include <ostream>
#include <string>

namespace multiprocessing {

namespace detail {

/// The text of debug_dump(); reads the arena without a lock, so that it also serves a program that is stuck.
class DebugDump {
 public:
  explicit DebugDump(std::ostream& out) : out_(out), arena_(the_arena()) {}

  void write() {
    const ArenaHeader& header = arena_.header();
    out_ << "arena: " << header.size - header.heap << " bytes, " << header.lock_deaths.load(std::memory_order_relaxed)
         << " locks taken over from the dead, " << header.saved_by_tick.load(std::memory_order_relaxed)
         << " sleepers saved by the tick" << (header.corrupt.load(std::memory_order_relaxed) != 0 ? ", CORRUPT\n" : "\n");
    collect_locks();
    write_processes();
    write_threads();
    write_locks();
  }

 private:
  struct Known {
    std::string name;
    OwnerRef holder;
  };

  void collect_locks() {
    reclaim::for_each_object(arena_, [&](ObjectHeader& object, const reclaim::ObjectPlace&) {
      const std::uint64_t id = object.id.load(std::memory_order_acquire);
      const char* const kind = name_of(object.kind.load(std::memory_order_relaxed));
      if (id == 0 || kind == nullptr) return;
      const auto* state = reinterpret_cast<const LockState*>(reinterpret_cast<std::byte*>(&object) + object_offset);
      locks_[arena_.offset_of(&state->word)] = {std::string(kind) + " #" + std::to_string(id),
                                                OwnerRef(state->word.load(std::memory_order_acquire))};
    });
  }

  // Of an object that begins with a lock; else nullptr.
  static const char* name_of(ObjectKind kind) {
    switch (kind) {
      case ObjectKind::lock: return "Lock";
      case ObjectKind::rlock: return "RLock";
      case ObjectKind::value: return "lock of Value";
      case ObjectKind::array: return "lock of Array";
      default: return nullptr;
    }
  }

  void write_processes() {
    const std::uint32_t ready = arena_.header().process_slots_ready.load(std::memory_order_acquire);
    for (std::uint32_t i = 0; i < ready; ++i) {
      const ProcessSlot& slot = arena_.process(i);
      const std::uint32_t state = slot.state.load(std::memory_order_acquire);
      if (state == ProcessSlot::free) continue;
      out_ << "process " << slot.pid.load(std::memory_order_relaxed) << ": "
           << (state == ProcessSlot::born ? "born, not heard of yet" : reclaim::is_gone(arena_, i) ? "gone, to be reclaimed" : "alive")
           << ", " << slot.objects.load(std::memory_order_relaxed) << " objects\n";
    }
  }

  void write_threads() {
    const std::uint32_t ready = arena_.header().thread_slots_ready.load(std::memory_order_acquire);
    for (std::uint32_t i = 0; i < ready; ++i) {
      const ThreadSlot& slot = arena_.thread(i);
      const std::uint32_t token = slot.token.word().load(std::memory_order_acquire);
      if (token == 0 || slot.thread_id.load(std::memory_order_relaxed) == 0) continue;
      out_ << "thread " << slot.thread_id.load(std::memory_order_relaxed) << (token_lives(token) ? "" : ": dead");
      const auto intent = static_cast<Intent>(slot.intent.load(std::memory_order_acquire));
      if (intent != Intent::none) {
        const std::uint64_t object = slot.object.load(std::memory_order_relaxed);
        const auto known = locks_.find(object);
        out_ << (token_lives(token) ? ": " : ", ") << (intent == Intent::wait ? "waits for " : "is waking the next of ")
             << (known == locks_.end() ? "word " + std::to_string(object) : known->second.name);
        if (known != locks_.end() && known->second.holder) write_holder(" held by ", known->second.holder);
      }
      out_ << '\n';
    }
  }

  void write_locks() {
    for (const auto& [offset, lock] : locks_) {
      if (!lock.holder) continue;
      out_ << lock.name;
      write_holder(": held by ", lock.holder);
      out_ << '\n';
    }
  }

  void write_holder(const char* before, OwnerRef holder) {
    out_ << before;
    const ThreadSlot& slot = arena_.thread(holder.slot());
    const bool same_life = (slot.generation.load(std::memory_order_acquire) & 0xffffu) == holder.generation();
    if (!same_life) {
      out_ << "a thread that is dead";  // its slot lives again, so its id is not known any more
      return;
    }
    const ProcessRef process(slot.process.load(std::memory_order_relaxed));
    out_ << "thread " << slot.thread_id.load(std::memory_order_relaxed) << " of process "
         << arena_.process(process.slot()).pid.load(std::memory_order_relaxed) << (is_dead(arena_, holder) ? ", which is dead" : "");
  }

  std::ostream& out_;
  ArenaMemory arena_;
  std::map<std::uint64_t, Known> locks_;
};

}  // namespace detail

/// Writes, for a program that seems stuck, which processes and threads use the arena, which lock each thread waits for, who holds
/// it, and which threads died doing what. Takes no lock. The text is for people and may change.
inline void debug_dump(std::ostream& out = std::cerr) { detail::DebugDump(out).write(); }

}  // namespace multiprocessing
