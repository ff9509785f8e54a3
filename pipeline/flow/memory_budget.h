#pragma once

#include <cstddef>

namespace fibflow::pipeline {

/// Bytes of memory of the machine, or of what this process runs in (a batch job, a service, a container) if that has less.
std::size_t machine_memory();

/// What a run may use if nobody says: the smaller of 4 GiB and half of machine_memory().
std::size_t default_memory_budget();

/// Processors that this process may use, at least one: those of its affinity, bounded by the quota of what it runs in.
int usable_processors();

}  // namespace fibflow::pipeline
