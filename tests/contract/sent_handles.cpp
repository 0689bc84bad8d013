// SPDX-License-Identifier: BSL-1.0
/// \file
/// The contract of handles as arguments: each kind in each container and class, by every start method, is the parent's own.
#include <multiprocessing/process.hpp>

#include "process/program.hpp"
#include "support/catch.hpp"

#include <multiprocessing/connection.hpp>
#include <multiprocessing/reduction.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include <boost/describe/class.hpp>

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace mp = multiprocessing;

namespace {

template <class Handle>
struct Aggregate {
  int before = 0;
  Handle handle;
  std::string behind;
};

/// Made of nothing and filled member by member, so only of handles that can be made of nothing.
template <class Handle>
class Described {
 public:
  Described() = default;
  explicit Described(Handle handle) : handle_(std::move(handle)) {}
  Handle& handle() { return handle_; }

 private:
  Handle handle_;
  BOOST_DESCRIBE_CLASS(Described, (), (), (), (handle_))
};

/// Lists its members.
template <class Handle>
class Itself {
 public:
  Itself() : handle_(mp::detail::Blank<Handle>::make()) {}
  explicit Itself(Handle handle) : handle_(std::move(handle)) {}
  Handle& handle() { return handle_; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(handle_, number_);
  }

 private:
  Handle handle_;
  int number_ = 0;
};

// What a child does with a handle, and whether the parent sees it. Locks it keeps until it ends.
void touch(mp::Lock& x) { x.acquire(); }
bool touched(mp::Lock& x) { return x.acquire() && x.owner_died(); }
void touch(mp::RLock& x) { x.acquire(); }
bool touched(mp::RLock& x) { return x.acquire() && x.owner_died(); }
void touch(mp::Semaphore& x) { x.release(); }
bool touched(mp::Semaphore& x) { return x.get_value() == 2; }
void touch(mp::BoundedSemaphore& x) { x.acquire(); }
bool touched(mp::BoundedSemaphore& x) { return x.get_value() == 0; }
void touch(mp::Event& x) { x.set(); }
bool touched(mp::Event& x) { return x.is_set(); }
void touch(mp::Condition& x) { x.acquire(); }
bool touched(mp::Condition& x) { return x.acquire() && std::get<mp::RLock>(x.get_lock()).owner_died(); }
void touch(mp::Barrier& x) { x.abort(); }
bool touched(mp::Barrier& x) { return x.broken(); }
void touch(mp::RWLock& x) { x.lock(); }
bool touched(mp::RWLock& x) { return x.try_lock() && x.owner_died(); }
void touch(mp::Value<int>& x) { x.value += 1; }
bool touched(mp::Value<int>& x) { return x.get() == 1; }
void touch(mp::Array<short>& x) { x[1] = 5; }
bool touched(mp::Array<short>& x) { return x.size() == 2 && x.at(1) == 5; }
void touch(mp::RawValue<double>& x) { x.value = 0.5; }
bool touched(mp::RawValue<double>& x) { return x.value == 0.5; }
void touch(mp::RawArray<char>& x) { x[0] = 'x'; }
bool touched(mp::RawArray<char>& x) { return x[0] == 'x'; }

/// Starts a process with `argument`, in which `reach` finds the handle; returns its exit code.
template <class Argument, class Reach>
mp::ExitCode run(Argument&& argument, Reach) {
  mp::Process p([](std::decay_t<Argument>& x) { touch(Reach()(x)); }, std::forward<Argument>(argument));
  p.start();
  p.join();
  return p.exitcode();
}

/// A copy of `made`, in one place after the other.
template <class Handle, class Make>
void try_everywhere(const char* name, Make make) {
  const auto check = [&](const char* where, auto put, auto reach) {
    Handle mine = make();
    const mp::ExitCode code = run(put(mine), reach);
    if (code != 0 || !touched(mine)) std::cout << name << " in " << where << ": " << code << '\n';
  };
  check("vector", [](Handle h) { return std::vector<Handle>{std::move(h)}; }, [](auto& x) -> auto& { return x.at(0); });
  check("array", [](Handle h) { return std::array<Handle, 2>{h, h}; }, [](auto& x) -> auto& { return x.at(1); });
  check("map", [](Handle h) { return std::map<std::string, Handle>{{"k", std::move(h)}}; },
        [](auto& x) -> auto& { return x.at("k"); });
  check("optional", [](Handle h) { return std::optional<Handle>(std::move(h)); }, [](auto& x) -> auto& { return *x; });
  check("pair", [](Handle h) { return std::pair<int, Handle>(1, std::move(h)); }, [](auto& x) -> auto& { return x.second; });
  check("tuple", [](Handle h) { return std::tuple<Handle, std::string>(std::move(h), "t"); },
        [](auto& x) -> auto& { return std::get<0>(x); });
  check("variant", [](Handle h) { return std::variant<int, Handle>(std::move(h)); }, [](auto& x) -> auto& { return std::get<1>(x); });
  check("unique_ptr", [](Handle h) { return std::make_unique<Handle>(std::move(h)); }, [](auto& x) -> auto& { return *x; });
  check("aggregate", [](Handle h) { return Aggregate<Handle>{1, std::move(h), "b"}; }, [](auto& x) -> auto& { return x.handle; });
  check("vector of optional aggregates",
        [](Handle h) { return std::vector<std::optional<Aggregate<Handle>>>{{}, Aggregate<Handle>{1, std::move(h), "b"}}; },
        [](auto& x) -> auto& { return x.at(1)->handle; });
  check("class with serialize", [](Handle h) { return Itself<Handle>(std::move(h)); }, [](auto& x) -> auto& { return x.handle(); });
  if constexpr (std::default_initializable<Handle>)
    check("described class", [](Handle h) { return Described<Handle>(std::move(h)); }, [](auto& x) -> auto& { return x.handle(); });
}

/// The same for a descriptor: the child writes to a pipe by it. It is only moved.
template <class Handle, class Make, class Write>
void try_moved(const char* name, Make make, Write) {
  const auto check = [&](const char* where, auto put, auto reach) {
    int ends[2];
    if (::pipe(ends) != 0) std::exit(50);
    mp::ExitCode code;
    {
      auto argument = put(make(ends[1]));
      mp::Process p([](decltype(argument)& x) { Write()(decltype(reach)()(x)); }, std::move(argument));
      p.start();
      p.join();
      code = p.exitcode();
    }
    ::close(ends[1]);
    char bytes[64];
    const auto size = ::read(ends[0], bytes, sizeof bytes);
    const auto behind = ::read(ends[0], bytes, sizeof bytes);  // its end: nobody else has it any more
    if (code != 0 || size <= 0 || behind != 0) std::cout << name << " in " << where << ": " << code << ' ' << size << behind << '\n';
    ::close(ends[0]);
  };
  check("vector",
        [](Handle h) {
          std::vector<Handle> all;
          all.push_back(std::move(h));
          return all;
        },
        [](auto& x) -> auto& { return x.at(0); });
  check("array", [](Handle h) { return std::array<Handle, 1>{std::move(h)}; }, [](auto& x) -> auto& { return x.at(0); });
  check("map",
        [](Handle h) {
          std::map<std::string, Handle> all;
          all.emplace("k", std::move(h));
          return all;
        },
        [](auto& x) -> auto& { return x.at("k"); });
  check("optional", [](Handle h) { return std::optional<Handle>(std::move(h)); }, [](auto& x) -> auto& { return *x; });
  check("pair", [](Handle h) { return std::pair<int, Handle>(1, std::move(h)); }, [](auto& x) -> auto& { return x.second; });
  check("tuple", [](Handle h) { return std::tuple<Handle, std::string>(std::move(h), "t"); },
        [](auto& x) -> auto& { return std::get<0>(x); });
  check("unique_ptr", [](Handle h) { return std::make_unique<Handle>(std::move(h)); }, [](auto& x) -> auto& { return *x; });
  check("aggregate", [](Handle h) { return Aggregate<Handle>{1, std::move(h), "b"}; }, [](auto& x) -> auto& { return x.handle; });
}

template <class Body>
void by_every_method(Body body) {
  for (const char* const method : {"fork", "spawn", "forkserver"}) {
    INFO(method);
    const Outcome ran = run_program([&] {
      mp::set_start_method(method);
      mp::get_logger().setLevel(mp::ERROR);  // not the warning about threads
      body();
    });
    CHECK(ran == Outcome{0, "", ""});
  }
}

}  // namespace

TEST_CASE("locks and their like are the parent's own, wherever they are in an argument", "[contract][sent_handles]") {
  by_every_method([] {
    try_everywhere<mp::Lock>("Lock", [] { return mp::Lock(); });
    try_everywhere<mp::RLock>("RLock", [] { return mp::RLock(); });
    try_everywhere<mp::Semaphore>("Semaphore", [] { return mp::Semaphore(1); });
    try_everywhere<mp::BoundedSemaphore>("BoundedSemaphore", [] { return mp::BoundedSemaphore(1); });
    try_everywhere<mp::Event>("Event", [] { return mp::Event(); });
    try_everywhere<mp::Condition>("Condition", [] { return mp::Condition(); });
    try_everywhere<mp::Barrier>("Barrier", [] { return mp::Barrier(2); });
    try_everywhere<mp::RWLock>("RWLock", [] { return mp::RWLock(); });
  });
}

TEST_CASE("shared values and arrays are the parent's own, wherever they are in an argument", "[contract][sent_handles]") {
  by_every_method([] {
    try_everywhere<mp::Value<int>>("Value", [] { return mp::Value<int>(0); });
    try_everywhere<mp::Array<short>>("Array", [] { return mp::Array<short>(2); });
    try_everywhere<mp::RawValue<double>>("RawValue", [] { return mp::RawValue<double>(0.0); });
    try_everywhere<mp::RawArray<char>>("RawArray", [] { return mp::RawArray<char>("abc"); });
  });
}

TEST_CASE("connections and descriptors arrive, wherever they are in an argument", "[contract][sent_handles]") {
  by_every_method([] {
    try_moved<mp::Connection>("Connection", [](int fd) { return mp::Connection(::dup(fd), false, true); },
                              [](mp::Connection& c) { c.send(1); });
    try_moved<mp::DupFd>("DupFd", [](int fd) { return mp::DupFd(fd); }, [](mp::DupFd& fd) {
      const int own = fd.detach();
      if (::write(own, "x", 1) != 1) throw mp::SystemExit(4);
    });
  });
}
