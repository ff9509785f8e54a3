#include "pipeline/report/run_report.h"

#include <nlohmann/json.hpp>

#include "io/files/atomic_file.h"
#include "pipeline/options/version.h"
#include "pipeline/report/run_parts.h"
#include "pipeline/report/run_summary.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json known(double size) {
  return size > 0 ? Json(size) : Json();
}

Json input_json(const io::StackInfo& info, const ResolvedOptions& options) {
  return {{"path", info.path},
          {"format", info.format},
          {"compression", info.compression},
          {"depth", info.depth},
          {"height", info.cropped.top + info.height + info.cropped.bottom},
          {"width", info.cropped.left + info.width + info.cropped.right},
          {"cropped",
           {{"top", info.cropped.top},
            {"bottom", info.cropped.bottom},
            {"left", info.cropped.left},
            {"right", info.cropped.right}}},
          {"type", io::name_of(info.type)},
          {"voxel_nm",
           {{"z", known(info.voxel_nm.z)}, {"y", known(info.voxel_nm.y)}, {"x", known(info.voxel_nm.x)}}},
          {"first_slice", options.first_slice},
          {"end_slice", options.end_slice}};
}

Json model_json(const RunReport::Model& model) {
  return {{"file", model.file},
          {"producer", model.producer},
          {"opset", model.opset},
          {"input_channels", model.input_channels},
          {"output_channels", model.output_channels},
          {"batch_norm_layers", model.batch_norms},
          {"parameters", model.parameters}};
}

Json plan_json(const RunReport::Tiles& plan) {
  return {{"tile_rows", plan.rows},
          {"tile_columns", plan.columns},
          {"core_height", plan.height},
          {"core_width", plan.width},
          {"workers", plan.workers},
          {"slices_in_flight", plan.slices_in_flight},
          {"expected_memory", plan.expected_memory},
          {"work", plan.work}};
}

Json adaptation_json(const AdaptationSummary& adaptation) {
  return {{"probe_slices", adaptation.probe_slices},
          {"batches", adaptation.batches},
          {"frozen_after", or_null(adaptation.frozen_after)},
          {"drift_from_source", adaptation.drift_from_source},
          {"layer_drift_from_source", adaptation.layer_drift_from_source},
          {"layer_names", adaptation.layer_names},
          {"layer_channels", adaptation.layer_channels}};
}

Json states_json(const std::vector<SliceRecord>& slices) {
  Json json = Json::object();
  for (const StateCost& cost : state_costs(slices)) {
    json[nodes::name_of(cost.state)] = {
        {"slices", cost.slices},
        {"mean_work_seconds", cost.slices > 0 ? Json(cost.mean_work_seconds) : Json()}};
  }
  return json;
}

}  // namespace

Json RunReport::json() const {
  Json json;
  json["format"] = "fibflow run report";
  json["format_version"] = 1;
  json["fibflow"] = version();
  json["command"] = command;
  json["started"] = started;
  json["input"] = input_json(input, options);
  json["model"] = model_json(model);
  json["options"] = json_of(options);
  json["intensity"] = nullptr;
  if (intensity) {
    json["intensity"] = {{"black", intensity->range.black},   {"white", intensity->range.white},
                         {"from", intensity->range_from},     {"mean", intensity->mean},
                         {"deviation", intensity->deviation}, {"slices", intensity->slices}};
  }
  json["plan"] = plan ? plan_json(*plan) : Json();
  json["adaptation"] = adaptation ? adaptation_json(*adaptation) : Json();
  json["comparison"] = comparison ? json_of(*comparison) : Json();
  json["doubt"] = doubt ? json_of(*doubt) : Json();
  json["slices"] = json_of_all(slices);
  json["states"] = states_json(slices);
  json["events"] = json_of_all(events);
  json["resumed"] = json_of_all(resumed);
  json["outputs"] = Json::object();
  for (const auto& [kind, path] : outputs) json["outputs"][kind] = path;
  json["seconds"] = json_of(seconds);
  const double voxels = static_cast<double>(options.end_slice - options.first_slice) *
                        static_cast<double>(input.height) * input.width;
  json["voxels_per_second"] = seconds.total > 0 ? Json(voxels / seconds.total) : Json();
  json["peak_memory"] = peak_memory;
  json["warnings"] = warnings;
  json["previews"] = json_of_all(previews);
  return json;
}

void write_report(const RunReport& report, const std::string& path, bool overwrite) {
  io::AtomicFile file(path, overwrite, io::ResumeAt());  // under a name that a run after a kill takes over
  const std::string text = report.json().dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  file.write(text.data(), text.size());
  file.commit();
}

}  // namespace fibflow::pipeline
