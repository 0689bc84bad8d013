// SPDX-License-Identifier: BSL-1.0
#include <multiprocessing/detail/runtime/process_record.hpp>

#include "support/catch.hpp"

namespace detail = multiprocessing::detail;

namespace {

struct Process {};
struct Worker {};

}  // namespace

TEST_CASE("ProcessRecord: its name is the given one, or made of class and identity", "[runtime][process_record]") {
  detail::ProcessRecord record;
  record.identity = {1};
  CHECK(detail::record_name(record, typeid(Process)) == "Process-1");
  record.identity = {1, 2, 30};
  CHECK(detail::record_name(record, typeid(Process)) == "Process-1:2:30");
  record.type = &typeid(Worker);
  CHECK(detail::record_name(record, typeid(Process)) == "Worker-1:2:30");
  record.name = "given";
  CHECK(detail::record_name(record, typeid(Process)) == "given");
  CHECK(detail::record_class_name(record, typeid(Process)) == "Worker");
}
