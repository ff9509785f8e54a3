#include "pipeline/report/run_parts.h"

#include <limits>
#include <optional>
#include <stdexcept>

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

std::optional<double> number_or_nothing(const Json& json, const char* name) {
  const Json& value = json.at(name);
  return value.is_null() ? std::nullopt : std::optional(value.get<double>());
}

/// The one of some values that has this name.
template <typename Value>
Value named(const std::string& name, std::initializer_list<Value> values) {
  for (const Value value : values) {
    if (name == name_of(value)) return value;
  }
  throw std::invalid_argument("'" + name + "' is not known");
}

Json json_of(const PredictionFigures& figures) {
  return {{"foreground", figures.foreground},
          {"entropy", figures.entropy},
          {"expected_iou", or_null(figures.expected_iou)}};
}

Json json_of(const nodes::Scale& scale) {
  return {scale.y, scale.x};
}

nodes::Scale scale_of(const Json& json) {
  const nodes::Scale scale{json.at(0), json.at(1)};
  constexpr double most = 64;
  for (const double by : {scale.y, scale.x}) {
    if (!(by >= 1 / most && by <= most)) throw std::invalid_argument("a scale is impossible");
  }
  return scale;
}

double share_of(const Json& json, const char* name) {
  const double share = json.at(name);
  if (!(share >= 0 && share <= 1)) throw std::invalid_argument("a share is impossible");
  return share;
}

SourceShares shares_of(const Json& json) {
  return {share_of(json, "share_while_measuring"), share_of(json, "share_in_use")};
}

PredictionFigures prediction_figures(const Json& json) {
  return {json.at("foreground"), json.at("entropy"), number_or_nothing(json, "expected_iou")};
}

}  // namespace

Json json_of(const SliceRecord& slice) {
  Json json = {{"z", slice.z},
               {"seconds", slice.seconds},
               {"work_seconds", slice.work_seconds},
               {"foreground", slice.foreground},
               {"entropy", slice.entropy},
               {"expected_iou", or_null(slice.expected_iou)},
               {"measured", slice.measured},
               {"measure_seconds", slice.measure_seconds},
               {"drift", or_null(slice.drift)},
               {"drift_from_source", slice.drift_from_source},
               {"slice_drift", or_null(slice.slice_drift)},
               {"featureless", slice.featureless}};
  if (slice.live) {
    json["file"] = slice.live->file;
    json["latency"] = slice.live->latency;
  }
  return json;
}

SliceRecord slice_record(const Json& json) {
  SliceRecord slice;
  slice.z = json.at("z");
  slice.seconds = json.at("seconds");
  slice.work_seconds = json.at("work_seconds");
  slice.foreground = json.at("foreground");
  slice.entropy = json.at("entropy");
  slice.expected_iou = number_or_nothing(json, "expected_iou");
  slice.measured = json.at("measured");
  slice.measure_seconds = json.at("measure_seconds");
  slice.drift = number_or_nothing(json, "drift");
  // As JSON has no infinity.
  slice.drift_from_source =
      number_or_nothing(json, "drift_from_source").value_or(std::numeric_limits<double>::infinity());
  slice.slice_drift = number_or_nothing(json, "slice_drift");
  slice.featureless = json.at("featureless");
  return slice;
}

Json json_of(const Match& match) {
  Json candidates = Json::array();
  for (const MatchCandidate& candidate : match.candidates) {
    candidates.push_back({{"scale", json_of(candidate.scale)},
                          {"share_while_measuring", candidate.shares.measuring},
                          {"share_in_use", candidate.shares.used},
                          {"expected_iou", candidate.expected_iou},
                          {"foreground", candidate.foreground},
                          {"object_diameter", candidate.diameter}});
  }
  return {{"scale", json_of(match.scale)},
          {"from", match.from},
          {"share_while_measuring", match.shares.measuring},
          {"share_in_use", match.shares.used},
          {"candidates", std::move(candidates)}};
}

Match match_of(const Json& json) {
  Match match;
  match.scale = scale_of(json.at("scale"));
  match.from = json.at("from");
  match.shares = shares_of(json);
  for (const Json& candidate : json.at("candidates")) {
    match.candidates.push_back({scale_of(candidate.at("scale")), shares_of(candidate),
                                candidate.at("expected_iou"), candidate.at("foreground"),
                                candidate.at("object_diameter")});
  }
  return match;
}

Json json_of(const RunEvent& event) {
  return {{"z", event.z}, {"event", event.event}, {"text", event.text}};
}

RunEvent run_event(const Json& json) {
  return {json.at("z"), json.at("event"), json.at("text")};
}

Json json_of(const Resumption& resumption) {
  return {{"slice", resumption.z}, {"at", resumption.at}};
}

Resumption resumption(const Json& json) {
  return {json.at("slice"), json.at("at")};
}

Json json_of(const RunReport::Seconds& seconds) {
  return {{"prepare", seconds.prepare},
          {"adapt", seconds.adapt},
          {"segment", seconds.segment},
          {"total", seconds.total}};
}

RunReport::Seconds run_seconds(const Json& json) {
  return {json.at("prepare"), json.at("adapt"), json.at("segment"), json.at("total")};
}

Json json_of(const Comparison& comparison) {
  Json slices = Json::array();
  for (const SliceComparison& slice : comparison.slices) {
    slices.push_back({{"z", slice.z},
                      {"source", json_of(slice.source)},
                      {"adapted", json_of(slice.adapted)},
                      {"agreement", or_null(slice.agreement)},
                      {"equal", slice.equal}});
  }
  return {{"slices", slices}};
}

Comparison comparison(const Json& json) {
  Comparison comparison;
  for (const Json& slice : json.at("slices")) {
    comparison.slices.push_back({slice.at("z"), prediction_figures(slice.at("source")),
                                 prediction_figures(slice.at("adapted")),
                                 number_or_nothing(slice, "agreement"), slice.at("equal")});
  }
  return comparison;
}

Json json_of(const Doubt& doubt) {
  Json signs = Json::array();
  for (const Sign& sign : doubt.signs) {
    signs.push_back({{"sign", sign.sign}, {"value", sign.value}, {"limit", sign.limit}, {"text", sign.text}});
  }
  return {{"doubtful", doubt.doubtful()},
          {"signs", signs},
          {"on_doubt", name_of(doubt.on_doubt)},
          {"action", name_of(doubt.action)}};
}

Doubt doubt(const Json& json) {
  Doubt doubt;
  for (const Json& sign : json.at("signs"))
    doubt.signs.push_back({sign.at("sign"), sign.at("value"), sign.at("limit"), sign.at("text")});
  doubt.on_doubt = named(json.at("on_doubt"), {OnDoubt::keep, OnDoubt::source, OnDoubt::stop});
  doubt.action = named(json.at("action"), {DoubtAction::none, DoubtAction::warned, DoubtAction::source_used,
                                           DoubtAction::stopped});
  return doubt;
}

Json json_of(const EncodedPreview& preview) {
  return {{"z", preview.z},
          {"height", preview.height},
          {"width", preview.width},
          {"image", preview.image},
          {"source_mask", preview.source_mask},
          {"mask", preview.mask},
          {"probability", preview.probability},
          {"disagreement", preview.disagreement}};
}

EncodedPreview encoded_preview(const Json& json) {
  return {json.at("z"),           json.at("height"), json.at("width"),       json.at("image"),
          json.at("source_mask"), json.at("mask"),   json.at("probability"), json.at("disagreement")};
}

}  // namespace fibflow::pipeline
