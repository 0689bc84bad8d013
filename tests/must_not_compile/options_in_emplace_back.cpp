// expect: no matching
// The standard's emplace_back deduces the types of its arguments, and braces have none: nothing of ours is asked.
#include <multiprocessing/process.hpp>
#include <vector>

namespace mp = multiprocessing;

void target() {}

void wrong(std::vector<mp::Process>& workers) { workers.emplace_back({.name = "worker"}, target); }
