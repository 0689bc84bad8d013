// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/process/start_methods.hpp>

#include "support/catch.hpp"

namespace detail = multiprocessing::detail;

namespace {

struct Nameless {
  std::shared_ptr<detail::Child> launch(const std::shared_ptr<detail::ProcessRecord>&, detail::Life&) const {
    return {};
  }
};

}  // namespace

static_assert(detail::start_method<detail::Fork> && !detail::start_method<Nameless>);

TEST_CASE("start methods: fork is the default, and what is not there is named", "[process][start_methods]") {
  CHECK(detail::default_start_method == "fork");
  CHECK(detail::find_start_method("fork") == &detail::launch_by<detail::Fork>);
  for (const char* const missing : {"spawn", "forkserver", "bogus", ""}) {
    CHECK_THROWS_AS(detail::find_start_method(missing), multiprocessing::ValueError);
    CHECK_THROWS_WITH(detail::find_start_method(missing), contains("cannot find context for '" + std::string(missing)));
  }
  CHECK_THROWS_WITH(detail::find_start_method("spawn"), contains("available: 'fork'"));
}
