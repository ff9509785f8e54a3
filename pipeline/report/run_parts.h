#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pipeline/adapt/comparison.h"
#include "pipeline/adapt/doubt.h"
#include "pipeline/adapt/match_search.h"
#include "pipeline/pictures/preview.h"
#include "pipeline/report/run_report.h"

namespace fibflow::pipeline {

/// The parts of a run report as JSON, and back: a run that goes on keeps them so. Whoever adds to one adds to both ways.
/// Reading throws nlohmann::json::exception or std::invalid_argument if it is not what was written. All of it thread-safe.

nlohmann::ordered_json json_of(const SliceRecord& slice);
nlohmann::ordered_json json_of(const RunEvent& event);
nlohmann::ordered_json json_of(const Resumption& resumption);
nlohmann::ordered_json json_of(const RunReport::Seconds& seconds);
nlohmann::ordered_json json_of(const Comparison& comparison);
nlohmann::ordered_json json_of(const Match& match);
nlohmann::ordered_json json_of(const Doubt& doubt);
nlohmann::ordered_json json_of(const EncodedPreview& preview);

SliceRecord slice_record(const nlohmann::ordered_json& json);
RunEvent run_event(const nlohmann::ordered_json& json);
Resumption resumption(const nlohmann::ordered_json& json);
RunReport::Seconds run_seconds(const nlohmann::ordered_json& json);
Comparison comparison(const nlohmann::ordered_json& json);
Match match_of(const nlohmann::ordered_json& json);
Doubt doubt(const nlohmann::ordered_json& json);
EncodedPreview encoded_preview(const nlohmann::ordered_json& json);

/// Of each, in their order.
template <typename Part>
nlohmann::ordered_json json_of_all(const std::vector<Part>& parts) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const Part& part : parts) json.push_back(json_of(part));
  return json;
}

/// Each with one of the functions above.
template <typename Part>
std::vector<Part> all_of(const nlohmann::ordered_json& json, Part (*part)(const nlohmann::ordered_json&)) {
  std::vector<Part> parts;
  for (const auto& element : json) parts.push_back(part(element));
  return parts;
}

}  // namespace fibflow::pipeline
