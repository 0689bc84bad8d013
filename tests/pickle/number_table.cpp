// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/pickle/number_table.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <map>
#include <random>
#include <string>

using multiprocessing::detail::Indexed;
using multiprocessing::detail::NumberTable;

TEST_CASE("NumberTable: finds what a map finds, whatever is set and set anew", "[pickle][number_table]") {
  std::mt19937_64 random(1);
  NumberTable table;
  std::map<std::uint64_t, std::uint32_t> model;
  CHECK(table.find(0) == NumberTable::none);
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    const std::uint64_t key = random() % 10'000 * (i % 2 == 0 ? 1 : 0x1'0000'0000);
    table.set(key, i);
    model[key] = i;
    const std::uint64_t other = random() % 10'000;
    const auto known = model.find(other);
    REQUIRE(table.find(other) == (known == model.end() ? NumberTable::none : known->second));
  }
  for (const auto& [key, number] : model) REQUIRE(table.find(key) == number);
}

TEST_CASE("Indexed: entries of one hash are told apart by who looks for them", "[pickle][number_table]") {
  Indexed<std::string> texts;
  const auto find = [&](std::uint64_t hash, const std::string& text) {
    return texts.find(hash, [&](const std::string& each) { return each == text; });
  };
  CHECK(find(1, "a") == nullptr);
  texts.add(1, "a");
  texts.add(1, "b");
  texts.add(2, "c");
  REQUIRE(find(1, "a") != nullptr);
  CHECK(*find(1, "a") == "a");
  REQUIRE(find(1, "b") != nullptr);
  CHECK(*find(1, "b") == "b");
  CHECK(find(2, "a") == nullptr);
  CHECK(find(1, "c") == nullptr);
}
