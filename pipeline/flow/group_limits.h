#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace fibflow::pipeline {

/// What the control groups of this process, and those that they are in, allow: a job of a batch system, a service, a container.
struct GroupLimits {
  std::optional<std::size_t> memory;  ///< bytes; the smallest limit
  std::optional<double> processors;   ///< the smallest quota, in processors
};

/// Reads them (control groups version 1 and 2) from /proc/self/cgroup and /sys/fs/cgroup below `root`. What cannot be read is no
/// limit.
GroupLimits group_limits(const std::string& root = "");

}  // namespace fibflow::pipeline
