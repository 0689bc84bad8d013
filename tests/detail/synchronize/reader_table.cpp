// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/synchronize/reader_table.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <memory>
#include <set>

namespace mp = multiprocessing;
using mp::detail::Holding;
using mp::detail::OwnerRef;
using mp::detail::ReaderTable;

namespace {

OwnerRef owner(std::uint32_t slot) { return OwnerRef(slot, 1); }

}  // namespace

TEST_CASE("ReaderTable: who has claimed an entry is found, and counted", "[detail][reader_table]") {
  ReaderTable table;
  CHECK_FALSE(table.any());
  CHECK(table.claim(owner(5)) == 0);
  CHECK(table.claim(owner(6)) == 1);
  CHECK(table.any());
  CHECK(table.total() == 2);
  CHECK(table.find(owner(6)) == 1);
  CHECK(table.find(owner(7)) == ReaderTable::room);
  table.at(1).fetch_add(1);
  CHECK(table.total() == 3);
}

TEST_CASE("ReaderTable: an entry whose owner has left is claimed by the next, and no new one", "[detail][reader_table]") {
  ReaderTable table;
  table.claim(owner(5));
  table.claim(owner(6));
  table.at(0).store(Holding(owner(5), 0).bits());
  CHECK(table.find(owner(5)) == ReaderTable::room);
  CHECK(table.claim(owner(7)) == 0);
  CHECK(table.size() == 2);
}

TEST_CASE("ReaderTable: 126 have room, and the first sixteen a line each", "[detail][reader_table]") {
  const auto table = std::make_unique<ReaderTable>();
  std::set<std::uintptr_t> lines;
  for (std::uint32_t i = 0; i < ReaderTable::room; ++i) {
    REQUIRE(table->claim(owner(i)) == i);
    if (i < ReaderTable::lines) lines.insert(reinterpret_cast<std::uintptr_t>(&table->at(i)) / 64);
  }
  CHECK(lines.size() >= ReaderTable::lines);
  CHECK(table->claim(owner(4000)) == ReaderTable::room);
  CHECK(table->total() == ReaderTable::room);
}
