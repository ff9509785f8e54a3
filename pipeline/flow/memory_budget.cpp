#include "pipeline/flow/memory_budget.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace fibflow::pipeline {
namespace {

/// The limit of the container, as cgroup v2 and v1 show it inside; SIZE_MAX without one.
std::size_t container_memory() {
  for (const char* file : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::ifstream in(file);
    std::size_t bytes = 0;
    if (in >> bytes) return bytes;  // "max" is not a number
  }
  return static_cast<std::size_t>(-1);
}

}  // namespace

std::size_t machine_memory() {
  const auto pages = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES));
  return std::min(pages * static_cast<std::size_t>(sysconf(_SC_PAGE_SIZE)), container_memory());
}

std::size_t default_memory_budget() {
  return std::min(std::size_t{4} << 30, machine_memory() / 2);
}

}  // namespace fibflow::pipeline
