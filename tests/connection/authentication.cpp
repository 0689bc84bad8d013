// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/connection/authentication.hpp>

#include <multiprocessing/connection/pipe.hpp>

#include "support/catch.hpp"

#include <future>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

TEST_CASE("deliver_challenge and answer_challenge: two ends with one key", "[connection][authentication]") {
  auto [here, there] = mp::Pipe();
  auto other = std::async(std::launch::async, [&end = there] { mp::connection::answer_challenge(end, "key"); });
  mp::connection::deliver_challenge(here, "key", {.refuse_md5 = true});
  other.get();
  here.send(1);
  CHECK(there.recv<int>() == 1);
}

TEST_CASE("deliver_challenge and answer_challenge: with two keys both throw", "[connection][authentication]") {
  auto [here, there] = mp::Pipe();
  auto other = std::async(std::launch::async, [&end = there] { mp::connection::answer_challenge(end, "another"); });
  CHECK_THROWS_AS(mp::connection::deliver_challenge(here, "key"), mp::AuthenticationError);
  CHECK_THROWS_AS(other.get(), mp::AuthenticationError);
}

TEST_CASE("deliver_challenge and answer_challenge: a silent end is not waited for", "[connection][authentication]") {
  auto [here, there] = mp::Pipe();
  CHECK_THROWS_AS(mp::connection::deliver_challenge(here, "key", {.timeout = 1ms}), mp::TimeoutError);
  CHECK_THROWS_AS(mp::connection::answer_challenge(here, "key", {.timeout = 1ms}), mp::TimeoutError);
  CHECK_THROWS_AS(mp::connection::deliver_challenge(here, ""), mp::ValueError);
  CHECK_THROWS_AS(mp::connection::answer_challenge(here, ""), mp::ValueError);
}

TEST_CASE("answer_challenge: what is no challenge is not answered", "[connection][authentication]") {
  auto [here, there] = mp::Pipe();
  here.send_bytes("#WELCOME#");
  CHECK_THROWS_AS(mp::connection::answer_challenge(there, "key"), mp::AuthenticationError);
  CHECK_FALSE(here.poll());
}
