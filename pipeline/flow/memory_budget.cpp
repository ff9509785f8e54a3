#include "pipeline/flow/memory_budget.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <oneapi/tbb/info.h>

#include "pipeline/flow/group_limits.h"

namespace fibflow::pipeline {
std::size_t machine_memory() {
  const auto pages = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES));
  return std::min(pages * static_cast<std::size_t>(sysconf(_SC_PAGE_SIZE)),
                  group_limits().memory.value_or(SIZE_MAX));
}

std::size_t default_memory_budget() {
  return std::min(std::size_t{4} << 30, machine_memory() / 2);
}

int usable_processors() {
  const int processors = tbb::info::default_concurrency();
  const auto quota = group_limits().processors;
  if (!quota) return processors;
  return std::clamp(static_cast<int>(std::ceil(std::min<double>(*quota, processors))), 1, processors);
}

}  // namespace fibflow::pipeline
