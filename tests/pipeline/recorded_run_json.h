#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

namespace fibflow::testing {

/// A picture of one pixel.
inline const std::string tiny_picture =
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=";

/// A report with everything that a report can have, of a run over `depth` slices that froze after half of them and
/// reopened after three quarters.
inline nlohmann::ordered_json recorded_run_json(int depth) {
  using Json = nlohmann::ordered_json;
  Json json{{"format", "fibflow run report"},
            {"format_version", 1},
            {"fibflow", "0.1.0"},
            {"command", "segment"},
            {"started", "2026-01-02T03:04:05Z"}};
  json["input"] = {{"path", "/cells/cell.tif"},
                   {"format", "TIFF"},
                   {"depth", depth},
                   {"height", 512},
                   {"width", 512},
                   {"voxel_nm", {{"z", 8.0}, {"y", 8.0}, {"x", 8.0}}}};
  json["model"] = {{"file", "source.onnx"}, {"producer", "fibflow"}, {"opset", 13}, {"parameters", 121737}};
  json["options"] = {{"recipe", "stream"},
                     {"estimator", {{"rule", "pooled"}}},
                     {"source_share", 0.25},
                     {"memory", 4294967296},
                     {"threads", 2}};
  json["plan"] = {{"workers", 2}, {"expected_memory", 128732140}};
  json["adaptation"] = {{"probe_slices", {1, 4, 7}},
                        {"batches", depth},
                        {"frozen_after", nullptr},
                        {"drift_from_source", 0.31},
                        {"layer_drift_from_source", {4.0, 1.5, nullptr}},
                        {"layer_names", {"enc.0.1", "enc.0.4", "dec.0.1"}},
                        {"layer_channels", {8, 8, 16}}};
  json["slices"] = Json::array();
  for (int z = 0; z < depth; ++z) {
    const double share = static_cast<double>(z) / depth;
    const bool frozen = share > 0.5 && share <= 0.75;
    json["slices"].push_back(
        {{"z", z},
         {"seconds", 0.2 + 0.01 * (z % 7)},
         {"work_seconds", 0.1},
         {"foreground", 0.2 + 0.1 * std::sin(20 * share)},
         {"entropy", 0.3 - 0.2 * share},
         {"state", !frozen      ? "adapting"
                   : z % 8 == 0 ? "monitored"
                                : "frozen"},
         {"frozen", frozen},
         {"drift", frozen ? Json() : Json(0.01 * std::exp(-8 * share))},
         {"drift_from_source", 0.3 + 0.1 * share},
         {"slice_drift", frozen && z % 8 != 0 ? Json() : Json(share > 0.73 ? 0.4 : 0.05)}});
  }
  json["states"] = {{"adapting", {{"slices", depth / 2}, {"mean_work_seconds", 0.11}}},
                    {"monitored", {{"slices", 2}, {"mean_work_seconds", 0.07}}},
                    {"frozen", {{"slices", 0}, {"mean_work_seconds", nullptr}}}};
  json["events"] = {{{"z", depth / 2}, {"event", "frozen"}, {"text", "settled for 5 slices"}},
                    {{"z", depth * 3 / 4}, {"event", "reopened"}, {"text", "the slices drift by 0.4"}}};
  json["comparison"]["slices"] = Json::array();
  json["previews"] = Json::array();
  for (const int z : {1, 4, 7}) {
    json["comparison"]["slices"].push_back(
        {{"z", z},
         {"source", {{"foreground", 0.05}, {"entropy", 0.4}, {"steadiness", 0.6}}},
         {"adapted", {{"foreground", 0.15}, {"entropy", 0.2}, {"steadiness", nullptr}}},
         {"agreement", 0.31},
         {"equal", 0.88},
         {"written_agreement", 0.3}});
    json["previews"].push_back({{"z", z},
                                {"height", 1},
                                {"width", 1},
                                {"image", tiny_picture},
                                {"source_mask", tiny_picture},
                                {"mask", tiny_picture},
                                {"probability", tiny_picture},
                                {"disagreement", tiny_picture}});
  }
  json["doubt"] = {{"doubtful", false}, {"signs", Json::array()}, {"on_doubt", "keep"}, {"action", "none"}};
  json["outputs"] = {{"mask", "masks.tif"}};
  json["seconds"] = {{"prepare", 0.01}, {"adapt", 3.0}, {"segment", 95.0}, {"total", 98.5}};
  json["voxels_per_second"] = 2.5e6;
  json["peak_memory"] = 81891328;
  json["warnings"] = Json::array();
  return json;
}

}  // namespace fibflow::testing
