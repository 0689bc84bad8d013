// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/process/carriable.hpp>

#include "support/catch.hpp"

#include <multiprocessing/connection.hpp>
#include <multiprocessing/detail/process/parcel.hpp>
#include <multiprocessing/pickle.hpp>
#include <multiprocessing/reduction.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

namespace mp = multiprocessing;

namespace {

struct Tree {
  int value = 0;
  std::vector<Tree> children;
};
struct Bad {
  int value = 0;
  std::vector<Bad> children;
  int* pointer = nullptr;
};
struct Base {
  virtual ~Base() = default;
};
class Opaque {
 public:
  Opaque() = default;
  int value() const { return value_; }

 private:
  int value_ = 0;
};

template <class... T>
inline constexpr bool all = (mp::detail::carriable<T> && ...);
template <class... T>
inline constexpr bool none = !(mp::detail::carriable<T> || ...);

}  // namespace

static_assert(all<int, double, bool, char, std::byte, std::string, std::u32string, mp::object, mp::bytes, mp::list>);
static_assert(all<std::vector<int>, std::vector<std::vector<std::string>>, std::deque<bool>, std::set<int>, std::array<int, 3>>);
static_assert(all<std::map<std::string, std::vector<int>>, std::pair<int, std::string>, std::tuple<int, double>, std::tuple<>>);
static_assert(all<std::optional<int>, std::variant<std::monostate, int, std::string>, std::unique_ptr<int>, std::shared_ptr<Tree>>);
static_assert(all<std::chrono::seconds, std::chrono::system_clock::time_point, std::filesystem::path, Tree>);
static_assert(all<mp::Lock, mp::Barrier, mp::Array<int>, mp::RawArray<char>, mp::RawValue<int>, mp::Connection, mp::DupFd>);
static_assert(all<std::vector<mp::Lock>, std::array<mp::Barrier, 2>, std::optional<mp::Array<int>>, std::map<int, mp::Connection>,
                  std::pair<mp::DupFd, mp::Event>, std::unique_ptr<mp::RawArray<int>>, std::variant<mp::Lock, mp::RLock>>);
static_assert(all<void (*)(), int Tree::*, decltype([] {}), std::vector<void (*)()>>);
static_assert(none<int*, void*, const char*, std::string_view, std::span<int>, std::mutex, std::atomic<int>, Opaque, Bad>);
static_assert(none<std::vector<int*>, std::map<int, Opaque>, std::optional<Opaque>, std::variant<int, Opaque>, std::unique_ptr<Base>,
                   std::tuple<int, Opaque>, std::pair<int, int*>, std::array<int*, 2>, std::runtime_error>);
