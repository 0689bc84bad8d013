// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/arena/allocator.hpp>

#include "support/catch.hpp"
#include "support/fresh_arena.hpp"

#include <multiprocessing/arena/size.hpp>
#include <multiprocessing/synchronize/lock.hpp>

#include <boost/container/deque.hpp>
#include <boost/container/flat_map.hpp>
#include <boost/container/list.hpp>
#include <boost/container/map.hpp>
#include <boost/container/scoped_allocator.hpp>
#include <boost/container/string.hpp>
#include <boost/container/vector.hpp>
#include <boost/interprocess/containers/flat_map.hpp>
#include <boost/interprocess/containers/map.hpp>
#include <boost/interprocess/containers/string.hpp>
#include <boost/interprocess/containers/vector.hpp>

#include <sched.h>
#include <sys/mount.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace mp = multiprocessing;
namespace bi = boost::interprocess;
namespace bc = boost::container;

namespace {

std::size_t used() { return mp::arena_usage().used; }

/// A T in the arena, for all processes that were forked since.
template <class T>
struct InArena {
  template <class... Arguments>
  explicit InArena(Arguments&&... arguments) : at(mp::allocator<T>().allocate(1)) {
    new (std::to_address(at)) T(std::forward<Arguments>(arguments)...);
  }
  ~InArena() {
    std::to_address(at)->~T();
    mp::allocator<T>().deallocate(at, 1);
  }
  T& operator*() const { return *at; }
  T* operator->() const { return std::to_address(at); }

  typename mp::allocator<T>::pointer at;
};

template <class T>
using Vector = bi::vector<T, mp::allocator<T>>;
using String = bi::basic_string<char, std::char_traits<char>, mp::allocator<char>>;
template <class K, class V>
using Map = bi::map<K, V, std::less<K>, mp::allocator<std::pair<const K, V>>>;

}  // namespace

TEST_CASE("allocator: a vector grows in a child and is read here", "[arena][allocator]") {
  const std::size_t before = used();
  {
    const InArena<Vector<int>> numbers;
    for (int i = 0; i < 1000; ++i) numbers->push_back(i);
    CHECK(in_child([&] {
            for (int i = 1000; i < 100'000; ++i) numbers->push_back(i);
          }) == 0);
    CHECK(numbers->size() == 100'000);
    bool right = true;
    for (int i = 0; i < 100'000; ++i) right = right && (*numbers)[static_cast<std::size_t>(i)] == i;
    CHECK(right);
  }
  CHECK(used() == before);
}

TEST_CASE("allocator: strings, short and long, cross between processes", "[arena][allocator]") {
  const InArena<String> text("short");
  CHECK(in_child([&] {
          demand(*text == "short", "it is read");
          text->assign(5000, 'x');
        }) == 0);
  CHECK(text->size() == 5000);
  CHECK(text->back() == 'x');
}

TEST_CASE("allocator: a map of both libraries is changed by several processes under a lock", "[arena][allocator]") {
  const std::size_t before = used();
  {
    const InArena<Map<int, int>> tree;
    const InArena<bc::map<int, int, std::less<int>, mp::allocator<std::pair<const int, int>>>> other;
    const InArena<bi::flat_map<int, int, std::less<int>, mp::allocator<std::pair<int, int>>>> flat;
    const mp::Lock lock;
    std::vector<pid_t> children;
    for (int c = 0; c < 4; ++c) {
      children.push_back(start_child([&, c] {
        for (int i = 0; i < 200; ++i) {
          const std::scoped_lock guard(lock);
          (*tree)[i] += c;
          (*other)[i * 4 + c] = c;
          (*flat)[i] += 1;
          if (i % 3 == 0) other->erase(i * 4 + c);
        }
      }));
    }
    for (const pid_t child : children) CHECK(exit_status(child) == 0);
    CHECK(tree->size() == 200);
    CHECK((*tree)[100] == 0 + 1 + 2 + 3);
    CHECK(other->size() == 4 * (200 - 67));
    CHECK((*flat)[199] == 4);
  }
  CHECK(used() == before);
}

TEST_CASE("allocator: deque, list and others of boost::container work", "[arena][allocator]") {
  const std::size_t before = used();
  {
    const InArena<bc::deque<int, mp::allocator<int>>> queue;
    const InArena<bc::list<int, mp::allocator<int>>> list;
    const InArena<bc::vector<double, mp::allocator<double>>> doubles;
    const InArena<bc::basic_string<char, std::char_traits<char>, mp::allocator<char>>> text;
    CHECK(in_child([&] {
            for (int i = 0; i < 5000; ++i) queue->push_back(i), list->push_front(i);
            doubles->assign(777, 0.5);
            text->append(300, 'y');
          }) == 0);
    for (int i = 0; i < 5000; ++i) {
      if (queue->front() != i || list->back() != i) FAIL("the order is another");
      queue->pop_front();
      list->pop_back();
    }
    CHECK(doubles->at(776) == 0.5);
    CHECK(text->size() == 300);
  }
  CHECK(used() == before);
}

TEST_CASE("allocator: what containers hold can itself be in the arena, by a scoped allocator", "[arena][allocator]") {
  using Names = bc::vector<String, bc::scoped_allocator_adaptor<mp::allocator<String>>>;
  using Entry = std::pair<const int, Names>;
  using Groups = bc::map<int, Names, std::less<int>, bc::scoped_allocator_adaptor<mp::allocator<Entry>>>;
  const std::size_t before = used();
  {
    const InArena<Groups> groups;
    CHECK(in_child([&] {
            for (int i = 0; i < 50; ++i) {
              for (int n = 0; n < i; ++n)
                (*groups)[i].emplace_back("a name that is too long for a small string: it lies elsewhere");
            }
          }) == 0);
    CHECK((*groups)[49].size() == 49);
    CHECK((*groups)[49][48].size() == 61);
  }
  CHECK(used() == before);
}

TEST_CASE("allocator: respects alignment up to 64 KiB", "[arena][allocator]") {
  const auto check = []<std::size_t alignment>(std::integral_constant<std::size_t, alignment>) {
    struct alignas(alignment) Wide {
      char byte;
    };
    for (const std::size_t count : {1u, 3u}) {
      const auto at = mp::allocator<Wide>().allocate(count);
      CHECK(reinterpret_cast<std::uintptr_t>(std::to_address(at)) % alignment == 0);
      mp::allocator<Wide>().deallocate(at, count);
    }
  };
  check(std::integral_constant<std::size_t, 16>());
  check(std::integral_constant<std::size_t, 32>());
  check(std::integral_constant<std::size_t, 64>());
  check(std::integral_constant<std::size_t, 128>());
  check(std::integral_constant<std::size_t, 4096>());
  check(std::integral_constant<std::size_t, 65536>());
}

TEST_CASE("allocator: nothing of size nothing can be had, and null can be freed", "[arena][allocator]") {
  mp::allocator<int> ints;
  const auto none = ints.allocate(0);
  ints.deallocate(none, 0);
  ints.deallocate(nullptr, 5);
  ints.deallocate(ints.allocate(1), 1);
}

TEST_CASE("allocator: all are one", "[arena][allocator]") {
  CHECK(mp::allocator<int>() == mp::allocator<int>(mp::allocator<double>()));
  CHECK_FALSE(mp::allocator<int>() != mp::allocator<int>());
  STATIC_REQUIRE(std::is_same_v<mp::allocator<int>::rebind<char>::other, mp::allocator<char>>);
}

TEST_CASE("allocator: a count beyond what can be addressed is ArenaFull, a std::bad_alloc", "[arena][allocator]") {
  mp::allocator<std::uint64_t> numbers;
  CHECK_THROWS_AS(numbers.allocate(~std::size_t{0} / 8 + 2), mp::ArenaFull);
  CHECK_THROWS_AS(numbers.allocate(~std::size_t{0}), std::bad_alloc);
  CHECK_THROWS_WITH(numbers.allocate(numbers.max_size()), contains("asked for"));
  numbers.deallocate(numbers.allocate(1), 1);
}

TEST_CASE("allocator: a container that meets the end of the arena throws, and keeps what it had",
          "[arena][allocator]") {
  CHECK(in_fresh_arena([] {
          mp::set_arena_size(4 << 20);
          Vector<int> numbers;
          demand_throws<mp::ArenaFull>(
              [&] {
                for (int i = 0;; ++i) numbers.push_back(i);
              },
              "of 4194304 are free");
          for (std::size_t i = 0; i < numbers.size(); ++i) demand(numbers[i] == static_cast<int>(i), "all is there");
          numbers = Vector<int>();
          Vector<char> all(3 << 20);
        }) == 0);
}

TEST_CASE("allocator: a full /dev/shm is nothing to it", "[arena][allocator]") {
  if (::geteuid() != 0) {
    WARN("skipped: a small /dev/shm needs root");
    return;
  }
  CHECK(in_fresh_arena([] {
          demand(::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                     ::mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=64k") == 0,
                 "a small /dev/shm of this process alone");
          { std::ofstream("/dev/shm/full") << std::string(1 << 20, 'x'); }
          Vector<char> much(32 << 20);
          much.back() = 1;
        }) == 0);
}

TEST_CASE("allocator: a kill in the middle of a container's life leaves its blocks to the others",
          "[arena][allocator]") {
  const InArena<Vector<int>> numbers;
  REQUIRE(in_child([&] {
            for (int i = 0; i < 5000; ++i) numbers->push_back(i);
            ::raise(SIGKILL);
          }) == 128 + SIGKILL);
  CHECK(numbers->size() == 5000);
  CHECK(numbers->back() == 4999);
  numbers->push_back(1);
  numbers->shrink_to_fit();
  CHECK(numbers->size() == 5001);
}
