// expect: no matching
#include <multiprocessing/process.hpp>
#include <vector>

namespace mp = multiprocessing;

void target() {}

void wrong(std::vector<mp::Process>& workers) { workers.emplace_back({.name = "worker"}, target); }
