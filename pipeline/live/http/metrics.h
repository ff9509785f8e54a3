#pragma once

#include <string>

#include "pipeline/live/status/live_status.h"
#include "pipeline/live/status/liveness.h"

namespace fibflow::pipeline {

/// The status in Prometheus' text format 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/): counters of slices, a histogram of latencies, gauges
/// for the rest. What is not known yet has no sample.
std::string metrics_text(const LiveStatus& status, const Liveness::Verdict& verdict);

}  // namespace fibflow::pipeline
