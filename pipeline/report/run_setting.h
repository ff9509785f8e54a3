#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "io/stack.h"
#include "model/onnx/network.h"
#include "pipeline/options/options.h"
#include "pipeline/report/run_report.h"

namespace fibflow::pipeline {

/// All that decides the bytes of a segmentation: fibflow's version, the model (SHA-256 of it as ONNX), the
/// input (its files by size and time), the options, the tiles, the outputs. report: with options and plan.
nlohmann::ordered_json run_setting(const RunReport& report, const io::Stack& stack,
                                   const model::Network& network, const OutputOptions& output);

/// Throws io::Error (bad_data) that names the first difference between two settings, and the file that the
/// first one was found in.
void require_same_run(const std::string& path, const nlohmann::ordered_json& found,
                      const nlohmann::ordered_json& wanted);

}  // namespace fibflow::pipeline
