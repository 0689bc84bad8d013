// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/os/memory_room.hpp>

#include "support/catch.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

using multiprocessing::detail::memory_room;

namespace {

constexpr std::size_t KiB = 1024, MiB = KiB * KiB;

/// Files as the kernel shows them, for one machine.
class Machine {
 public:
  explicit Machine(const std::map<std::string, std::string>& files) {
    for (const auto& [name, text] : files) {
      const auto path = root_ / name;
      std::filesystem::create_directories(path.parent_path());
      std::ofstream(path) << text;
    }
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine() { std::filesystem::remove_all(root_); }

  std::optional<std::size_t> room() const {
    return memory_room((root_ / "proc").string(), (root_ / "cgroup").string());
  }

 private:
  static std::filesystem::path make() {
    std::string name = (std::filesystem::temp_directory_path() / "room-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder can be made");
    return name;
  }
  const std::filesystem::path root_ = make();
};

const std::string system_text = "MemTotal:  9000 kB\nMemAvailable:    6000 kB\nSwapFree:  1000 kB\n";

}  // namespace

TEST_CASE("memory_room: of this machine is known, and less than an address space", "[detail][memory_room]") {
  const auto room = memory_room();
  REQUIRE(room.has_value());
  CHECK(*room > 0);
  CHECK(*room < std::size_t{1} << 60);
}

TEST_CASE("memory_room: where nobody tells there is no answer", "[detail][memory_room]") {
  CHECK(Machine({}).room() == std::nullopt);
  CHECK(
      Machine({{"proc/meminfo", "nonsense\nMemAvailable:\nSwapFree: 5 kB\n"}, {"proc/self/cgroup", "::\n:"}}).room() ==
      std::nullopt);
}

TEST_CASE("memory_room: is what the system has available, and its swap", "[detail][memory_room]") {
  CHECK(Machine({{"proc/meminfo", system_text}}).room() == 7000 * KiB);
}

TEST_CASE("memory_room: a cgroup's limit counts, and those above it", "[detail][memory_room]") {
  std::map<std::string, std::string> files{{"proc/meminfo", system_text},
                                           {"proc/self/cgroup", "0::/outer/inner\n"},
                                           {"cgroup/outer/inner/memory.max", "max\n"},
                                           {"cgroup/outer/inner/memory.current", "4096\n"},
                                           {"cgroup/outer/memory.max", "4194304\n"},
                                           {"cgroup/outer/memory.current", "3145728\n"}};
  CHECK(Machine(files).room() == 1 * MiB + 1000 * KiB);
  files["cgroup/outer/memory.swap.max"] = "102400";
  files["cgroup/outer/memory.swap.current"] = "0";
  CHECK(Machine(files).room() == 1 * MiB + 100 * KiB);
  files["cgroup/outer/memory.stat"] = "anon 5\nfile 7\ninactive_file 1000\nactive_file 24\n";  // these give way
  CHECK(Machine(files).room() == 1 * MiB + 101 * KiB);
  files["cgroup/outer/inner/memory.max"] = "4096";
  files["cgroup/outer/inner/memory.swap.max"] = files["cgroup/outer/inner/memory.swap.current"] = "0";
  CHECK(Machine(files).room() == 0);
}

TEST_CASE("memory_room: in a container, where the path is not seen, the uppermost cgroup counts",
          "[detail][memory_room]") {
  CHECK(Machine({{"proc/meminfo", system_text},
                 {"proc/self/cgroup", "0::/docker/abc\n"},
                 {"cgroup/memory.max", "2097152"},
                 {"cgroup/memory.current", "1048576"},
                 {"cgroup/memory.swap.max", "0"},
                 {"cgroup/memory.swap.current", "0"}})
            .room() == 1 * MiB);
}

TEST_CASE("memory_room: cgroups of the first version count as well", "[detail][memory_room]") {
  std::map<std::string, std::string> files{
      {"proc/meminfo", "MemAvailable: 6000 kB\n"},
      {"proc/self/cgroup", "9:name=systemd:/x\n4:cpu,memory:/mine\n0::/\n"},
      {"cgroup/memory/mine/memory.limit_in_bytes", "3145728\n"},
      {"cgroup/memory/mine/memory.usage_in_bytes", "2097152\n"},
      {"cgroup/memory/mine/memory.stat", "inactive_file 9\ntotal_inactive_file 1024\n"},
      {"cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"},
      {"cgroup/memory/memory.usage_in_bytes", "99999999\n"}};
  CHECK(Machine(files).room() == 1 * MiB + 1 * KiB);
}
