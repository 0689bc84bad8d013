// SPDX-License-Identifier: BSL-1.0
/// \file
/// debug_dump: who holds what, who waits for whom, who died where.
#pragma once

#include <multiprocessing/detail/memory/kind_text.hpp>
#include <multiprocessing/detail/memory/reclaim.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <iterator>
#include <locale>
#include <map>
#include <ostream>
#include <set>
#include <sstream>
#include <string>
#include <utility>

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
    collect_objects();
    write_processes();
    write_threads();
    write_objects();
    write_deadlocks();
  }

 private:
  struct Known {
    std::string name;
    const KindText* text = nullptr;  // nullptr: this program has no header that knows it
    const void* state = nullptr;
    std::uint64_t end = 0;
    bool waited_for = false;

    OwnerRef holder() const { return text != nullptr && text->holder != nullptr ? text->holder(state) : OwnerRef(); }
  };

  void collect_objects() {
    static constexpr std::array names{"",          "Lock",   "RLock", "lock of Value", "lock of Array",
                                      "Semaphore", "RWLock", "Event", "Barrier",       "Condition"};
    static_assert(names.size() == object_kind_count);
    reclaim::for_each_object(arena_, [&](ObjectHeader& object, const reclaim::ObjectPlace& place) {
      const std::uint64_t id = object.id.load(std::memory_order_acquire);
      const auto kind = static_cast<std::size_t>(object.kind.load(std::memory_order_relaxed));
      if (id == 0 || kind == 0 || kind >= names.size()) return;
      const auto* const state = reinterpret_cast<const std::byte*>(&object) + object_offset;
      const std::size_t size = place.word.kind() == ChunkWord::Kind::large ? place.word.span() * chunk_bytes
                                                                           : size_classes[place.word.size_class()];
      const std::uint64_t at = arena_.offset_of(state);
      objects_[at] = {std::string(names[kind]) + " #" + std::to_string(id),
                      kind_texts[kind].load(std::memory_order_acquire), state, at - object_offset + size};
    });
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

  // Of the dead, only those who died in the middle of something.
  void write_threads() {
    const std::uint32_t ready = arena_.header().thread_slots_ready.load(std::memory_order_acquire);
    for (std::uint32_t i = 0; i < ready; ++i) {
      const ThreadSlot& slot = arena_.thread(i);
      const std::uint32_t token = slot.token.word().load(std::memory_order_acquire);
      if (token == 0 || slot.thread_id.load(std::memory_order_relaxed) == 0) continue;
      const bool lives = token_lives(token);
      const auto intent = static_cast<Intent>(slot.intent.load(std::memory_order_acquire));
      if (!lives && intent == Intent::none) continue;
      out_ << "thread " << slot.thread_id.load(std::memory_order_relaxed) << (lives ? "" : ": dead");
      if (intent != Intent::none) {
        out_ << (lives ? ": " : ", ") << (intent == Intent::wait ? "waits for " : "is waking the next of ");
        if (Known* const object = object_of(slot)) {
          out_ << object->name;
          if (const OwnerRef holder = object->holder()) out_ << " held by " << thread_text(arena_, holder);
          if (intent == Intent::wait) object->waited_for = true;
          if (intent == Intent::wait && lives) waits_[owner_of(slot).bits()] = object;
        } else {
          out_ << "word " << slot.object.load(std::memory_order_relaxed);
        }
      }
      out_ << '\n';
    }
  }

  OwnerRef owner_of(const ThreadSlot& slot) const {
    return OwnerRef(static_cast<std::uint32_t>(&slot - &arena_.thread(0)), slot.generation.load(std::memory_order_relaxed));
  }

  // Of the word that the thread is concerned with, nullptr where that is not known.
  Known* object_of(const ThreadSlot& slot) {
    std::uint64_t word = slot.object.load(std::memory_order_relaxed);
    if (word == arena_.offset_of(&slot.node)) word = slot.condition.load(std::memory_order_relaxed);
    const auto after = objects_.upper_bound(word);
    if (after == objects_.begin()) return nullptr;
    Known& object = std::prev(after)->second;
    return word < object.end ? &object : nullptr;
  }

  void write_objects() {
    for (const auto& [at, object] : objects_) {
      if (object.text == nullptr) continue;
      const std::string text = object.text->text(arena_, object.state);
      if (!text.empty() && (object.waited_for || object.holder() || text.find("thread") != text.npos))
        out_ << object.name << ": " << text << '\n';
    }
  }

  // Follows who waits for what, held by whom, until somebody comes up again.
  void write_deadlocks() {
    std::set<std::uint32_t> told;
    for (const auto& [first, object] : waits_) {
      std::set<std::uint32_t> seen;
      std::uint32_t thread = first;
      while (waits_.contains(thread) && seen.insert(thread).second) thread = waits_.at(thread)->holder().bits();
      if (!waits_.contains(thread) || told.contains(thread)) continue;
      out_ << "deadlock: ";
      for (bool again = false; told.insert(thread).second; again = true) {
        const Known& wanted = *waits_.at(thread);
        out_ << (again ? ", which waits for " : thread_text(arena_, OwnerRef(thread)) + " waits for ") << wanted.name
             << " held by " << thread_text(arena_, wanted.holder());
        thread = wanted.holder().bits();
      }
      out_ << '\n';
    }
  }

  std::ostream& out_;
  ArenaMemory arena_;
  std::map<std::uint64_t, Known> objects_;
  std::map<std::uint32_t, Known*> waits_;  // by OwnerRef of who lives and waits
};

}  // namespace detail

/// Writes, for a program that seems stuck, which processes and threads use the arena, what each thread waits for, who holds
/// that, which threads died doing what, and who waits for each other for ever. Takes no lock. The text is for people and may
/// change.
inline void debug_dump(std::ostream& out = std::cerr) {
  std::ostringstream text;  // `out` may write numbers in another way: 1.000, or hexadecimal
  text.imbue(std::locale::classic());
  detail::DebugDump(text).write();
  out << std::move(text).str();
}

}  // namespace multiprocessing
