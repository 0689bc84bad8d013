// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/memory/spin_budget.hpp>

#include "support/catch.hpp"

#include <chrono>

using multiprocessing::detail::SpinBudget;
using namespace std::chrono_literals;

TEST_CASE("SpinBudget: grows while sleeps are short, to the price of a sleep", "[detail][spin_budget]") {
  SpinBudget budget;
  CHECK(budget.pauses() == SpinBudget::least);
  budget.spun_in_vain(30us, false);
  CHECK(budget.pauses() > SpinBudget::least);
  for (int i = 0; i < 10; ++i) budget.spun_in_vain(30us, false);
  CHECK(budget.pauses() == SpinBudget::most);
}

TEST_CASE("SpinBudget: shrinks where a sleep was long, or was ended from this processor", "[detail][spin_budget]") {
  for (const bool from_here : {true, false}) {
    SpinBudget budget;
    for (int i = 0; i < 10; ++i) budget.spun_in_vain(30us, false);
    budget.spun_in_vain(from_here ? 5us : 10ms, from_here);
    CHECK(budget.pauses() < SpinBudget::most);
    for (int i = 0; i < 10; ++i) budget.spun_in_vain(from_here ? 5us : 10ms, from_here);
    CHECK(budget.pauses() == SpinBudget::least);
  }
}
