// SPDX-License-Identifier: BSL-1.0
/// \file
/// Control: the segment manager of Boost.Interprocess, which hangs or corrupts when a process dies inside it.
#include "../engine/registry.hpp"
#include "../engine/sweep.hpp"

#include <boost/interprocess/indexes/iset_index.hpp>
#include <boost/interprocess/mem_algo/rbtree_best_fit.hpp>
#include <boost/interprocess/segment_manager.hpp>
#include <boost/interprocess/sync/mutex_family.hpp>

#include <array>
#include <cstddef>

namespace {

using namespace kill_test;

/// What managed_shared_memory puts into its segment (the external buffer's own default has no mutex at all).
struct Segment {
  using Algorithm = boost::interprocess::rbtree_best_fit<boost::interprocess::mutex_family>;
  using Manager = boost::interprocess::segment_manager<char, Algorithm, boost::interprocess::iset_index>;

  Segment() : manager(*::new (buffer.data()) Manager(buffer.size())) {}
  void allocate() { kept = manager.allocate(300); }
  void allocate_and_free() { manager.deallocate(manager.allocate(300)); }
  bool sane() { return manager.check_sanity(); }

  alignas(64) std::array<std::byte, 65536> buffer{};
  Manager& manager;
  void* kept = nullptr;
};

const Add segment_allocate{Sweep<Segment>{
    .name = "control.boost_segment.allocate",
    .act = &Segment::allocate,
    .use = &Segment::allocate_and_free,
    .sane = &Segment::sane,
    .expect = Expect::faults,
    .watchdog = 100 * millisecond,
}};

}  // namespace
