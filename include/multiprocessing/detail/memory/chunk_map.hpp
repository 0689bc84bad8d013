// SPDX-License-Identifier: BSL-1.0
/// \file
/// ChunkMap: which chunks of the heap are free, hold small blocks, or are a large block.
#pragma once

#include <multiprocessing/detail/memory/thread_identity.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

namespace multiprocessing::detail {

/// What the first entry of a run says, in one word, so that one store changes it.
///
/// kind      the run                                                        becomes
/// virgin    was never used; lies at or behind `top`                        free
/// free      is in a list of free runs                                      draft
/// draft     belongs to `owner`, which is about to use it                   small, large, or free when the owner is gone
/// small     is one chunk of small blocks; `owner` 0: an orphan             small of another owner, or free
/// large     is one block that was handed out                               draft, then free
class ChunkWord {
 public:
  enum class Kind : std::uint32_t { virgin = 0, free, draft, small, large };
  static constexpr std::uint32_t longest = (1u << 28) - 1;  // of all runs: a chunk less than the largest arena has

  constexpr ChunkWord() = default;
  constexpr explicit ChunkWord(std::uint64_t bits) : bits_(bits) {}
  constexpr ChunkWord(Kind kind, std::uint32_t span, ProcessRef owner = {}, Domain domain = Domain::raw)
      : ChunkWord(kind, domain, span, owner) {}
  static constexpr ChunkWord small(Domain domain, std::uint32_t size_class, ProcessRef owner) {
    return ChunkWord(Kind::small, domain, size_class, owner);
  }

  constexpr std::uint64_t bits() const { return bits_; }
  constexpr Kind kind() const { return static_cast<Kind>(bits_ & 7); }
  constexpr Domain domain() const { return static_cast<Domain>(bits_ >> 3 & 1); }
  /// Of a chunk of small blocks.
  constexpr std::uint32_t size_class() const { return static_cast<std::uint32_t>(bits_ >> 4 & 31); }
  /// How many chunks the run has.
  constexpr std::uint32_t span() const { return kind() == Kind::small ? 1 : static_cast<std::uint32_t>(bits_ >> 4 & longest); }
  constexpr ProcessRef owner() const { return ProcessRef(static_cast<std::uint32_t>(bits_ >> 32)); }

 private:
  // `detail` is the length of a run, or the class of a chunk of small blocks: bits 4 to 31.
  constexpr ChunkWord(Kind kind, Domain domain, std::uint32_t detail, ProcessRef owner)
      : bits_(static_cast<std::uint64_t>(kind) | static_cast<std::uint64_t>(domain) << 3 | std::uint64_t{detail} << 4 |
              std::uint64_t{owner.bits()} << 32) {}

  std::uint64_t bits_ = 0;
};
static_assert(size_class_count <= 32);
static_assert(std::bit_width(ChunkWord::longest) <= std::extent_v<decltype(ArenaHeader::free_runs)>);

/// Freed chunks that keep their memory, at the most: 16 MiB. More goes back to the system.
inline constexpr std::uint32_t kept_chunks = 256;

/// Hands out runs of chunks. Each member takes the arena's mutex for chunks; the words are the truth, and the lists of free
/// runs and orphans are found again from them when a holder of the mutex has died.
class ChunkMap {
 public:
  using Kind = ChunkWord::Kind;

  explicit ChunkMap(const ArenaMemory& arena) : arena_(arena), header_(arena.header()) {}

  /// A run of `span` chunks as a draft of `owner`'s, or 0 when there is none. It may lack memory: see commit().
  std::uint32_t take(std::uint32_t span, ProcessRef owner) {
    if (span > ChunkWord::longest) return 0;
    const RobustGuard guard(header_.chunks, [this]() noexcept { rebuild(); });
    std::uint32_t run = find_free(span, 64);  // a few, before more of the arena is used
    if (run == 0) run = grow(span);
    if (run == 0) run = find_free(span, std::numeric_limits<std::uint32_t>::max());
    if (run == 0) return 0;
    unlink_run(run);
    const std::uint32_t whole = word(run).span();
    if (whole > span) {
      // The rest first: until the next store it is inside a free run, where no word is looked at.
      set(run + span, ChunkWord(Kind::free, whole - span));
      set(run, ChunkWord(Kind::draft, span, owner));
      link_run(run + span, whole - span);
    } else {
      set(run, ChunkWord(Kind::draft, span, owner));
    }
    return run;
  }

  /// Gives the chunks of a draft memory; returns 0 or an errno. Needs no mutex: the run is the caller's.
  int commit(std::uint32_t run, std::uint32_t span) {
    std::uint32_t found = 0;  // chunks that were kept
    int error = 0;
    for (std::uint32_t i = 0; i < span && error == 0;) {
      std::uint32_t bare = i;
      while (bare < span && committed(run + bare).load(std::memory_order_relaxed) == 0) ++bare;
      if (bare == i) {
        ++found, ++i;
        continue;
      }
      error = commit_memory(arena_.chunk_memory(run + i), (bare - i) * chunk_bytes);
      if (error == 0)
        for (; i < bare; ++i) committed(run + i).store(1, std::memory_order_relaxed);
    }
    std::uint32_t kept = header_.kept.load(std::memory_order_relaxed);  // an estimate; never less than none
    while (!header_.kept.compare_exchange_weak(kept, kept - std::min(kept, found), std::memory_order_relaxed)) {
    }
    return error;
  }

  /// Frees a run that is the caller's, or nobody's any more.
  void free(std::uint32_t run) {
    const std::uint32_t span = word(run).span();
    // Relaxed: an estimate of what is kept; being off by a few chunks keeps a little more or less.
    if (header_.kept.load(std::memory_order_relaxed) + span > kept_chunks) give_back(run, span);
    const RobustGuard guard(header_.chunks, [this]() noexcept { rebuild(); });
    std::uint32_t left = 0;  // chunks that keep their memory
    for (std::uint32_t i = 0; i < span; ++i) left += committed(run + i).load(std::memory_order_relaxed);
    header_.kept.fetch_add(left, std::memory_order_relaxed);
    set(run, ChunkWord(Kind::free, span));
    link_run(run, span);
    join_neighbours(run);
  }

  /// Makes a chunk of small blocks nobody's, for the next who needs one of its class.
  void orphan(std::uint32_t chunk) {
    const RobustGuard guard(header_.chunks, [this]() noexcept { rebuild(); });
    const ChunkWord was = word(chunk);
    set(chunk, ChunkWord::small(was.domain(), was.size_class(), ProcessRef()));
    link(orphans(was), chunk);
  }

  /// An orphan of this class, now `owner`'s; 0 when there is none.
  std::uint32_t adopt(Domain domain, std::uint32_t size_class, ProcessRef owner) {
    const RobustGuard guard(header_.chunks, [this]() noexcept { rebuild(); });
    std::uint32_t& head = header_.orphans[static_cast<std::uint32_t>(domain)][size_class];
    const std::uint32_t chunk = head;
    if (chunk == 0) return 0;
    unlink(head, chunk);
    set(chunk, ChunkWord::small(domain, size_class, owner));
    return chunk;
  }

  ChunkWord word(std::uint32_t chunk) const {
    // Acquire: what a run holds was written before its word said so.
    return ChunkWord(arena_.chunk(chunk).word.load(std::memory_order_acquire));
  }
  void set(std::uint32_t chunk, ChunkWord word) {
    arena_.chunk(chunk).word.store(word.bits(), std::memory_order_release);
  }
  std::uint32_t first() const { return static_cast<std::uint32_t>(header_.heap / chunk_bytes); }
  std::uint32_t end() const { return static_cast<std::uint32_t>(header_.size / chunk_bytes); }
  std::uint32_t top() const { return header_.top.load(std::memory_order_acquire); }

  /// Calls `visit(number, word)` for each run, with the mutex: nothing is taken, freed or missed meanwhile. `visit` may not
  /// come back here.
  template <class Visit>
  void for_each_held(Visit visit) {
    const RobustGuard guard(header_.chunks, [this]() noexcept { rebuild(); });
    for_each(visit);
  }

  /// The same without the mutex: what it sees may be a moment old, and a run that is joined or split meanwhile may be missed; it
  /// never runs astray.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::uint32_t at = first(), last = top(); at < last;) {
      const ChunkWord here = word(at);
      if (here.span() == 0 || here.span() > last - at) return;
      visit(at, here);
      at += here.span();
    }
  }

 private:
  static std::uint32_t bin_of(std::uint32_t span) { return static_cast<std::uint32_t>(std::bit_width(span)) - 1; }
  std::uint32_t& orphans(ChunkWord word) {
    return header_.orphans[static_cast<std::uint32_t>(word.domain())][word.size_class()];
  }

  std::atomic<std::uint32_t>& committed(std::uint32_t chunk) const { return arena_.chunk(chunk).committed; }

  // A free run of `span` chunks or more; of those that may be too short, up to `most` are looked at.
  std::uint32_t find_free(std::uint32_t span, std::uint32_t most) const {
    const std::uint32_t own = bin_of(span);
    std::uint32_t looked = 0;
    for (std::uint32_t run = header_.free_runs[own]; run != 0 && looked < most; run = arena_.chunk(run).next, ++looked)
      if (word(run).span() >= span) return run;
    for (std::uint32_t bin = own + 1; bin < std::size(header_.free_runs); ++bin)
      if (header_.free_runs[bin] != 0) return header_.free_runs[bin];
    return 0;
  }

  // A free run of `span` chunks that ends behind what was ever used, and begins in the free run before if there is one; 0
  // when the arena, or the system, has no more.
  std::uint32_t grow(std::uint32_t span) {
    const std::uint32_t run = top();
    const std::uint32_t before = run > first() ? arena_.chunk(run - 1).back : 0;
    if (before >= span) return run - before;
    const std::uint32_t missing = span - before;
    if (missing > end() - run) return 0;
    const std::size_t needed = (std::size_t{run} + missing + 1) * sizeof(ChunkEntry);
    if (needed > header_.entries_committed) {
      std::byte* const table = arena_.base() + chunk_entries_at;
      std::size_t more = (needed - header_.entries_committed + chunk_bytes - 1) / chunk_bytes * chunk_bytes;
      std::byte* const heap = arena_.base() + header_.heap;
      std::byte* const from = table + header_.entries_committed;
      if (from + more > heap) more = static_cast<std::size_t>(heap - from);
      std::byte* const page = from - reinterpret_cast<std::uintptr_t>(from) % page_bytes;
      if (commit_memory(page, static_cast<std::size_t>(from - page) + more) != 0) return 0;
      header_.entries_committed += more;
    }
    set(run, ChunkWord(Kind::free, missing));
    header_.top.store(run + missing, std::memory_order_release);  // after the word that the walk will meet there
    link_run(run, missing);
    if (before != 0) join(run - before, run);
    return run - before;
  }

  void link(std::uint32_t& head, std::uint32_t run) {
    ChunkEntry& entry = arena_.chunk(run);
    entry.prev = 0;
    entry.next = head;
    if (head != 0) arena_.chunk(head).prev = run;
    head = run;
  }
  void unlink(std::uint32_t& head, std::uint32_t run) {
    const ChunkEntry& entry = arena_.chunk(run);
    (entry.prev != 0 ? arena_.chunk(entry.prev).next : head) = entry.next;
    if (entry.next != 0) arena_.chunk(entry.next).prev = entry.prev;
  }
  void link_run(std::uint32_t run, std::uint32_t span) {
    link(header_.free_runs[bin_of(span)], run);
    arena_.chunk(run + span - 1).back = span;
  }
  void unlink_run(std::uint32_t run) {
    const std::uint32_t span = word(run).span();
    unlink(header_.free_runs[bin_of(span)], run);
    arena_.chunk(run + span - 1).back = 0;
  }

  void join_neighbours(std::uint32_t run) {
    const std::uint32_t behind = run + word(run).span();
    if (behind < top() && word(behind).kind() == Kind::free) join(run, behind);
    const std::uint32_t back = run > first() ? arena_.chunk(run - 1).back : 0;
    if (back != 0) join(run - back, run);
  }
  void join(std::uint32_t left, std::uint32_t right) {
    const std::uint32_t span = word(left).span() + word(right).span();
    if (span > ChunkWord::longest) return;
    unlink_run(left);
    unlink_run(right);
    set(left, ChunkWord(Kind::free, span));
    link_run(left, span);
  }

  // Returns a run's memory to the system. A death here leaves a draft, which is freed when its owner is gone.
  void give_back(std::uint32_t run, std::uint32_t span) {
    set(run, ChunkWord(Kind::draft, span, this_process(arena_)));
    for (std::uint32_t i = 0; i < span; ++i) committed(run + i).store(0, std::memory_order_relaxed);
    give_memory_back(arena_.chunk_memory(run), span * chunk_bytes);
  }

  // Finds the index again from the words, and joins free runs. May be cut short and done again.
  void rebuild() noexcept {
    std::memset(header_.free_runs, 0, sizeof header_.free_runs);
    std::memset(header_.orphans, 0, sizeof header_.orphans);
    std::uint32_t kept = 0;
    for (std::uint32_t at = first(), last = top(); at < last;) {
      const ChunkWord here = word(at);
      std::uint32_t span = here.span();
      if (span == 0 || span > last - at) {
        header_.corrupt.store(1, std::memory_order_relaxed);
        return;
      }
      if (here.kind() == Kind::free) {
        while (at + span < last && word(at + span).kind() == Kind::free && word(at + span).span() <= ChunkWord::longest - span)
          span += word(at + span).span();
        set(at, ChunkWord(Kind::free, span));
        for (std::uint32_t i = 0; i < span; ++i) {
          arena_.chunk(at + i).back = 0;
          kept += committed(at + i).load(std::memory_order_relaxed);
        }
        link_run(at, span);
      } else {
        arena_.chunk(at + span - 1).back = 0;
        if (here.kind() == Kind::small && !here.owner()) link(orphans(here), at);
      }
      at += span;
    }
    header_.kept.store(kept, std::memory_order_relaxed);
  }

  ArenaMemory arena_;
  ArenaHeader& header_;
};

}  // namespace multiprocessing::detail
