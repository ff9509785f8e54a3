#pragma once

#include <cstddef>

namespace fibflow::pipeline {

/// Bytes of memory of the machine, or of the container this process runs in if that has less.
std::size_t machine_memory();

/// What a run may use if nobody says: the smaller of 4 GiB and half of machine_memory().
std::size_t default_memory_budget();

}  // namespace fibflow::pipeline
