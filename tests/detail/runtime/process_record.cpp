// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/runtime/process_record.hpp>

#include "support/catch.hpp"

namespace detail = multiprocessing::detail;



TEST_CASE("ProcessRecord: its name is the given one, or made of class and identity", "[runtime][process_record]") {
  detail::ProcessRecord record;
  record.identity = {1};
  CHECK(detail::record_name(record) == "Process-1");
  record.identity = {1, 2, 30};
  CHECK(detail::record_name(record) == "Process-1:2:30");
  CHECK(detail::record_name(record, "Worker") == "Worker-1:2:30");
  record.kind = "SpawnProcess";
  CHECK(detail::record_name(record) == "SpawnProcess-1:2:30");
  record.name = "given";
  CHECK(detail::record_name(record, "Worker") == "given");
}
