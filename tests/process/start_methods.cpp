// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/process/start_methods.hpp>

#include "support/catch.hpp"

#include <optional>
#include <string>
#include <vector>

namespace detail = multiprocessing::detail;

namespace {

struct Nameless {
  [[maybe_unused]] static constexpr bool sends = false;
  std::shared_ptr<detail::Child> launch(const std::shared_ptr<detail::ProcessRecord>&, detail::Life&) const {
    return {};
  }
};

}  // namespace

static_assert(detail::start_method<detail::Fork> && !detail::start_method<Nameless>);

TEST_CASE("start methods: fork is the default, and what is not there is named", "[process][start_methods]") {
  CHECK(detail::default_start_method == "fork");
  CHECK(detail::find_start_method("fork").launch == &detail::launch_by<detail::Fork>);
  CHECK(detail::find_start_method("spawn").launch == &detail::launch_by<detail::Spawn>);
  CHECK(detail::find_start_method("forkserver").launch == &detail::launch_by<detail::Forkserver>);
  CHECK(detail::find_start_method("spawn").process_class == "SpawnProcess");
  for (const char* const missing : {"Fork", "bogus", ""}) {
    CHECK_THROWS_AS(detail::find_start_method(missing), multiprocessing::ValueError);
    CHECK_THROWS_WITH(detail::find_start_method(missing), contains("cannot find context for '" + std::string(missing)));
  }
  CHECK_THROWS_WITH(detail::find_start_method("bogus"), contains("available: 'fork', 'spawn', 'forkserver'"));
}

TEST_CASE("start methods: the program's own is set once, or settled by use", "[process][start_methods]") {
  namespace mp = multiprocessing;
  using Methods = std::vector<std::string>;
  CHECK(mp::get_all_start_methods() == Methods{"fork", "spawn", "forkserver"});
  CHECK(mp::get_start_method(true) == std::nullopt);
  CHECK_THROWS_AS(mp::set_start_method("x"), mp::ValueError);
  CHECK(mp::get_start_method(true) == std::nullopt);
  mp::set_start_method("spawn");
  CHECK(mp::get_start_method() == "spawn");
  CHECK_THROWS_AS(mp::set_start_method("spawn"), mp::RuntimeError);
  CHECK_THROWS_WITH(mp::set_start_method("x"), contains("context has already been set"));
  CHECK_THROWS_AS(mp::set_start_method(std::nullopt), mp::RuntimeError);
  CHECK_THROWS_AS(mp::set_start_method("x", true), mp::ValueError);
  mp::set_start_method("forkserver", true);
  CHECK(mp::get_start_method(false) == "forkserver");
  mp::set_start_method(std::nullopt, true);
  CHECK(mp::get_start_method(true) == std::nullopt);
  CHECK(mp::get_start_method() == "fork");
  CHECK_THROWS_AS(mp::set_start_method("fork"), mp::RuntimeError);
  mp::set_start_method(std::nullopt, true);
}
