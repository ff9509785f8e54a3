#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nodes/statistics/statistics_updater.h"
#include "pipeline/report/run_report.h"

namespace fibflow::pipeline {

/// What slices in one state cost.
struct StateCost {
  nodes::SliceState state = nodes::SliceState::adapting;
  std::int64_t slices = 0;
  double mean_work_seconds = 0;  ///< of a slice, on one thread; 0 without slices
};

/// For each state: adapting, monitored, frozen.
std::array<StateCost, 3> state_costs(const std::vector<SliceRecord>& slices);

/// What an update did to the statistics, if it was something to tell. z: of the slice whose moments were taken.
std::optional<RunEvent> event_of(const nodes::Update& update, std::int64_t z, int lag);

/// What came of the slices, in a few lines for a user: foreground, entropy, drifts, states. Nothing without slices.
std::vector<std::string> summary_of(const RunReport& report);

}  // namespace fibflow::pipeline
