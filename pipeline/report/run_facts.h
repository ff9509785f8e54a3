#pragma once

#include <string>

#include "model/onnx/network.h"
#include "pipeline/report/run_report.h"

namespace fibflow::pipeline {

/// The time now for a run report: UTC, ISO 8601, to the second.
std::string utc_now();

/// What a run report says of the network.
RunReport::Model model_of(const model::Network& network);

}  // namespace fibflow::pipeline
