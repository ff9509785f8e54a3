#include "pipeline/report/run_report.h"

#include <nlohmann/json.hpp>

#include "io/files/atomic_file.h"
#include "model/engine/cpu.h"
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
          {"snapshots", adaptation.snapshots},
          {"measured_every", adaptation.measured_every},
          {"drift_from_source", adaptation.drift_from_source},
          {"layer_drift_from_source", adaptation.layer_drift_from_source},
          {"layer_names", adaptation.layer_names},
          {"layer_channels", adaptation.layer_channels}};
}

Json states_json(const SliceSums& sums) {
  Json json = Json::object();
  for (const SliceSums::Cost& cost : sums.costs()) {
    json[cost.work] = {{"slices", cost.slices},
                       {"mean_work_seconds", cost.slices > 0 ? Json(cost.mean_seconds()) : Json()}};
  }
  return json;
}

/// Of text in a file: what is no UTF-8 is replaced.
std::string dumped(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// All but the slices, whose place is kept.
Json json_of(const RunReport& report) {
  Json json;
  json["format"] = "fibflow run report";
  json["format_version"] = 2;
  json["fibflow"] = version();
  json["instruction_set"] = model::name_of(model::instruction_set());
  json["command"] = report.command;
  json["started"] = report.started;
  json["input"] = input_json(report.input, report.options);
  json["model"] = model_json(report.model);
  json["options"] = json_of(report.options);
  json["intensity"] = nullptr;
  if (report.intensity) {
    json["intensity"] = {{"black", report.intensity->range.black},   {"white", report.intensity->range.white},
                         {"from", report.intensity->range_from},     {"mean", report.intensity->mean},
                         {"deviation", report.intensity->deviation}, {"slices", report.intensity->slices}};
  }
  json["match"] = report.match ? json_of(*report.match) : Json();
  json["plan"] = report.plan ? plan_json(*report.plan) : Json();
  json["adaptation"] = report.adaptation ? adaptation_json(*report.adaptation) : Json();
  json["comparison"] = report.comparison ? json_of(*report.comparison) : Json();
  json["doubt"] = report.doubt ? json_of(*report.doubt) : Json();
  json["slices"] = nullptr;
  json["states"] = states_json(report.sums);
  json["events"] = json_of_all(report.events);
  json["resumed"] = json_of_all(report.resumed);
  json["outputs"] = Json::object();
  for (const auto& [kind, path] : report.outputs) json["outputs"][kind] = path;
  json["seconds"] = json_of(report.seconds);
  const double voxels = static_cast<double>(report.options.end_slice - report.options.first_slice) *
                        static_cast<double>(report.input.height) * report.input.width;
  json["voxels_per_second"] = report.seconds.total > 0 ? Json(voxels / report.seconds.total) : Json();
  json["peak_memory"] = report.peak_memory;
  json["warnings"] = report.warnings;
  json["previews"] = json_of_all(report.previews);
  return json;
}

void write_slices(const RunReport& report, const TakeText& take) {
  const char* before = "[\n    ";
  bool any = false;
  if (report.each_slice) {
    report.each_slice([&](const SliceRecord& slice) {
      take(before + dumped(json_of(slice), -1));
      before = ",\n    ";
      any = true;
    });
  }
  take(any ? "\n  ]" : "[]");
}

}  // namespace

void write_json(const RunReport& report, const Json& more, const TakeText& take_all) {
  constexpr std::size_t enough = std::size_t{1} << 16;
  std::string gathered;
  const TakeText take = [&](std::string_view text) {
    gathered += text;
    if (gathered.size() < enough) return;
    take_all(gathered);
    gathered.clear();
  };
  Json json = json_of(report);
  for (const auto& [name, value] : more.items()) json[name] = value;
  const char* before = "{\n  ";
  for (const auto& [name, value] : json.items()) {
    take(before);
    before = ",\n  ";
    take(dumped(name, -1) + ": ");
    if (name == "slices") {
      write_slices(report, take);
      continue;
    }
    // Line breaks within texts are written as \n.
    std::string text = dumped(value, 2);
    for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1))
      text.insert(at + 1, "  ");
    take(text);
  }
  take("\n}\n");
  take_all(gathered);
}

std::string json_text(const RunReport& report) {
  std::string text;
  write_json(report, Json::object(), [&](std::string_view piece) { text += piece; });
  return text;
}

void write_report(const RunReport& report, const std::string& path, bool overwrite) {
  io::AtomicFile file(path, overwrite, io::ResumeAt());  // under a name that a run after a kill takes over
  write_json(report, Json::object(), [&](std::string_view text) { file.write(text.data(), text.size()); });
  file.commit();
}

}  // namespace fibflow::pipeline
