#include "pipeline/flow/group_limits.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace fibflow::pipeline {
namespace {

namespace fs = std::filesystem;

/// The first numbers of a file; none if it is not there, or says "max".
std::optional<double> number_in(const fs::path& file) {
  std::ifstream in(file);
  double value = 0;
  return in >> value ? std::optional(value) : std::nullopt;
}

class Reading {
 public:
  /// A group, by its path below the controller's folder, and all groups around it.
  void read(const fs::path& controller, const std::string& path) {
    fs::path group = fs::path(path).relative_path();
    // Of a group that is not to be seen from here.
    if (path.find("..") != std::string::npos) group.clear();
    while (true) {
      read_one(controller / group);
      if (group.empty()) return;
      group = group.parent_path();
    }
  }

  GroupLimits limits;

 private:
  void read_one(const fs::path& group) {
    for (const char* file : {"memory.max", "memory.high", "memory.limit_in_bytes"}) {
      // Version 1 has a number close to the largest one for "no limit".
      constexpr double unlimited = 1e18;
      if (const auto bytes = number_in(group / file); bytes && *bytes > 0 && *bytes < unlimited) {
        limits.memory = std::min(limits.memory.value_or(SIZE_MAX), static_cast<std::size_t>(*bytes));
      }
    }
    std::ifstream in(group / "cpu.max");
    double quota = 0, period = 0;
    if (in >> quota >> period) bound(quota, period);
    const auto old_quota = number_in(group / "cpu.cfs_quota_us");
    const auto old_period = number_in(group / "cpu.cfs_period_us");
    if (old_quota && old_period) bound(*old_quota, *old_period);
  }

  void bound(double quota, double period) {
    if (quota > 0 && period > 0)
      limits.processors = std::min(limits.processors.value_or(1e9), quota / period);
  }
};

}  // namespace

GroupLimits group_limits(const std::string& root) {
  const fs::path groups = root + "/sys/fs/cgroup";
  Reading reading;
  // In a container the process's own group may stand at the top.
  reading.read(groups, "");
  reading.read(groups / "memory", "");
  reading.read(groups / "cpu", "");
  // Lines: number, controllers with commas between them (none in version 2), path.
  std::ifstream in(root + "/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string path = line.substr(second + 1);
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (controllers.empty()) {
      reading.read(groups, path);
      reading.read(groups / "unified", path);
      continue;
    }
    std::istringstream names(controllers);
    for (std::string name; std::getline(names, name, ',');) {
      if (name == "memory" || name == "cpu") {
        reading.read(groups / name, path);
        reading.read(groups / controllers, path);
      }
    }
  }
  return reading.limits;
}

}  // namespace fibflow::pipeline
