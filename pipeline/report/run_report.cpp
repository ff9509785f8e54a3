#include "pipeline/report/run_report.h"

#include <nlohmann/json.hpp>

#include "io/files/atomic_file.h"
#include "pipeline/options/version.h"
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
          {"height", info.height},
          {"width", info.width},
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

Json slices_json(const std::vector<SliceRecord>& slices) {
  Json json = Json::array();
  for (const SliceRecord& slice : slices) json.push_back(json_of(slice));
  return json;
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

Json events_json(const std::vector<RunEvent>& events) {
  Json json = Json::array();
  for (const RunEvent& event : events) {
    json.push_back({{"z", event.z}, {"event", event.event}, {"text", event.text}});
  }
  return json;
}

Json reading_json(const Reading& reading) {
  return {{"foreground", reading.foreground},
          {"entropy", reading.entropy},
          {"steadiness", or_null(reading.steadiness)}};
}

Json comparison_json(const Comparison& comparison) {
  Json slices = Json::array();
  for (const SliceComparison& slice : comparison.slices) {
    slices.push_back({{"z", slice.z},
                      {"source", reading_json(slice.source)},
                      {"adapted", reading_json(slice.adapted)},
                      {"agreement", or_null(slice.agreement)},
                      {"equal", slice.equal},
                      {"written_agreement", or_null(slice.written_agreement)}});
  }
  return {{"slices", slices}};
}

Json doubt_json(const Doubt& doubt) {
  Json signs = Json::array();
  for (const Sign& sign : doubt.signs) {
    signs.push_back({{"sign", sign.sign}, {"value", sign.value}, {"limit", sign.limit}, {"text", sign.text}});
  }
  return {{"doubtful", doubt.doubtful()},
          {"signs", signs},
          {"on_doubt", name_of(doubt.on_doubt)},
          {"action", name_of(doubt.action)}};
}

Json previews_json(const std::vector<Preview>& previews) {
  Json json = Json::array();
  for (const Preview& p : previews) {
    const auto url = [&p](const std::vector<std::uint8_t>& pixels) {
      return png_data_url(p.height, p.width, pixels);
    };
    json.push_back({{"z", p.z},
                    {"height", p.height},
                    {"width", p.width},
                    {"image", url(p.image)},
                    {"source_mask", url(p.source_mask)},
                    {"mask", url(p.mask)},
                    {"probability", url(p.probability)},
                    {"disagreement", url(p.disagreement)}});
  }
  return json;
}

Json resumed_json(const std::vector<Resumption>& resumed) {
  Json json = Json::array();
  for (const Resumption& resumption : resumed)
    json.push_back({{"slice", resumption.z}, {"at", resumption.at}});
  return json;
}

}  // namespace

Json json_of(const SliceRecord& slice) {
  return {{"z", slice.z},
          {"seconds", slice.seconds},
          {"work_seconds", slice.work_seconds},
          {"foreground", slice.foreground},
          {"entropy", slice.entropy},
          {"state", nodes::name_of(slice.state)},
          {"frozen", slice.frozen},
          {"drift", or_null(slice.drift)},
          {"drift_from_source", slice.drift_from_source},
          {"slice_drift", or_null(slice.slice_drift)},
          {"featureless", slice.featureless}};
}

SliceRecord slice_record(const Json& json) {
  const auto optional = [&](const char* name) {
    const Json& value = json.at(name);
    return value.is_null() ? std::nullopt : std::optional(value.get<double>());
  };
  SliceRecord slice;
  slice.z = json.at("z");
  slice.seconds = json.at("seconds");
  slice.work_seconds = json.at("work_seconds");
  slice.foreground = json.at("foreground");
  slice.entropy = json.at("entropy");
  slice.state = nodes::slice_state_named(json.at("state").get<std::string>());
  slice.frozen = json.at("frozen");
  slice.drift = optional("drift");
  slice.drift_from_source = json.at("drift_from_source");
  slice.slice_drift = optional("slice_drift");
  slice.featureless = json.at("featureless");
  return slice;
}

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
    json["intensity"] = {
        {"mean", intensity->mean}, {"deviation", intensity->deviation}, {"slices", intensity->slices}};
  }
  json["plan"] = plan ? plan_json(*plan) : Json();
  json["adaptation"] = adaptation ? adaptation_json(*adaptation) : Json();
  json["comparison"] = comparison ? comparison_json(*comparison) : Json();
  json["doubt"] = doubt ? doubt_json(*doubt) : Json();
  json["slices"] = slices_json(slices);
  json["states"] = states_json(slices);
  json["events"] = events_json(events);
  json["resumed"] = resumed_json(resumed);
  json["outputs"] = Json::object();
  for (const auto& [kind, path] : outputs) json["outputs"][kind] = path;
  json["seconds"] = {{"prepare", seconds.prepare},
                     {"adapt", seconds.adapt},
                     {"segment", seconds.segment},
                     {"total", seconds.total}};
  const double voxels = static_cast<double>(options.end_slice - options.first_slice) *
                        static_cast<double>(input.height) * input.width;
  json["voxels_per_second"] = seconds.total > 0 ? Json(voxels / seconds.total) : Json();
  json["peak_memory"] = peak_memory;
  json["warnings"] = warnings;
  json["previews"] = previews_json(previews);
  return json;
}

void write_report(const RunReport& report, const std::string& path, bool overwrite) {
  io::AtomicFile file(path, overwrite, io::ResumeAt());  // under a name that a run after a kill takes over
  const std::string text = report.json().dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  file.write(text.data(), text.size());
  file.commit();
}

}  // namespace fibflow::pipeline
