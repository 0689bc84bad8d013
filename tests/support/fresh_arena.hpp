// SPDX-License-Identifier: BSL-1.0
/// \file
/// A child with an arena of its own, for tests that fill, limit or break one.
#pragma once

#include "support/outside.hpp"

#include <multiprocessing/detail/memory/identity.hpp>

#include <sys/mman.h>

#include <utility>

/// Forgets the arena that this process has inherited, as if it had never been made. Only for children: no thread of
/// theirs may have used it. Children of theirs have two process slots each.
inline void forget_arena() {
  namespace detail = multiprocessing::detail;
  if (!detail::arena_exists()) return;
  const detail::ArenaMemory arena = detail::the_arena();
  ::munmap(arena.base() - detail::private_bytes, arena.header().size + detail::private_bytes);
  detail::arena_base = nullptr;
  detail::thread_identity = {};
  detail::registration::expected_child = 0;
}

/// in_child(), without an arena.
template <class Body>
int in_fresh_arena(Body body) {
  return in_child([&] {
    forget_arena();
    return body();
  });
}
