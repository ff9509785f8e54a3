#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nodes/statistics/statistics_updater.h"
#include "pipeline/report/run_report.h"

namespace fibflow::pipeline {

/// What an update did to the statistics, if it was something to tell. z: of the slice whose moments were taken.
std::optional<RunEvent> event_of(const nodes::Update& update, std::int64_t z, int lag);

/// What came of the slices, in a few lines for a user: foreground, entropy, drifts, states. Nothing without slices.
std::vector<std::string> summary_of(const RunReport& report);

}  // namespace fibflow::pipeline
