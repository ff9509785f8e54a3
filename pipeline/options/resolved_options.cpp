#include "pipeline/options/resolved_options.h"

#include <nlohmann/json.hpp>
#include <sstream>

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

Json estimator_json(const model::EstimatorOptions& options) {
  Json json{{"rule", options.rule}};
  for (const model::EstimatorParameter& parameter : model::estimator_rule(options.rule).parameters)
    json[parameter.name] = options.values.of(parameter);
  return json;
}

/// "pooled", "ema (momentum 0.1)".
std::string spoken(const model::EstimatorOptions& options) {
  std::ostringstream text;
  text << options.rule;
  const Json json = estimator_json(options);
  bool first = true;
  for (const auto& [name, value] : json.items()) {
    if (name == "rule") continue;
    text << (first ? " (" : ", ") << name << ' ' << value;
    first = false;
  }
  if (!first) text << ')';
  return text.str();
}

}  // namespace

Json json_of(const ResolvedOptions& options) {
  Json json{{"recipe", name_of(options.recipe)}};
  if (options.neighbours > 1) json["neighbouring_slices"] = options.neighbours;
  if (options.recipe != Recipe::none) {
    json["estimator"] = estimator_json(options.estimator);
    json["source_share"] = options.source_share;
    json["source_share_is_given"] = options.source_share_is_given;
    json["featureless"] = name_of(options.featureless);
  }
  if (options.recipe == Recipe::stream) {
    json["probe"] = options.probe;
    json["probe_slices"] = name_of(options.probe_order);
    json["lag"] = options.lag;
    json["freeze"] = name_of(options.freeze);
    if (options.freeze == Freeze::never) {
      json["measure_every"] = options.measure_every ? Json(*options.measure_every) : Json("planned");
      json["renewal_drift"] = options.renewal;
      json["reopen_drift"] = options.monitor.drift;
      json["reopen_factor"] = options.monitor.factor;
      json["reopen_slices"] = options.monitor.slices;
    }
  }
  if (options.recipe == Recipe::two_pass) json["normalize_by"] = name_of(options.normalize_by);
  json["comparison"] = options.comparison;
  json["on_doubt"] = name_of(options.on_doubt);
  json["normalization"] = {{"rule", options.normalization.text()}, {"from", options.normalization_source}};
  json["intensity_range"] = options.intensity_range
                                ? Json{options.intensity_range->black, options.intensity_range->white}
                                : Json("found");
  json["invert"] = options.invert;
  json["match"] = name_of(options.gray_match());
  json["threshold"] = options.threshold_source == "unused"
                          ? Json()
                          : Json{{"value", options.threshold}, {"from", options.threshold_source}};
  json["scale"] = options.scale ? Json(*options.scale) : Json("found");
  json["smoothing_slices"] = options.smoothing;
  json["copies"] = options.copies;
  json["threads"] = options.threads;
  json["memory"] = options.memory;
  json["tile"] = options.tile > 0 ? Json(options.tile) : Json("planned");
  return json;
}

std::string one_line(const ResolvedOptions& options) {
  std::ostringstream line;
  line << "recipe " << name_of(options.recipe);
  if (options.recipe != Recipe::none) {
    line << ", estimator " << spoken(options.estimator) << ", source share " << options.source_share
         << ", featureless " << name_of(options.featureless);
  }
  if (options.recipe == Recipe::stream) {
    line << ", probe " << options.probe
         << (options.probe > 0 && options.probe_order == ProbeOrder::first ? " first" : "") << ", lag "
         << options.lag << ", freeze " << name_of(options.freeze);
    if (options.freeze == Freeze::never) {
      line << ", measured every ";
      if (options.measure_every) line << *options.measure_every << " slices";
      if (!options.measure_every) line << "so many slices as planned";
      line << ", renewed above " << options.renewal;
      if (options.monitor.slices > 0) {
        line << ", begun anew by " << options.monitor.slices << " farther by " << options.monitor.drift;
      }
    }
  }
  if (options.recipe == Recipe::two_pass && options.normalize_by == NormalizeBy::running)
    line << ", measured under running statistics";
  if (options.on_doubt == OnDoubt::source) line << ", on doubt source";
  line << ", normalization " << options.normalization.text();
  if (options.intensity_range) line << " of " << options.intensity_range->text();
  if (options.invert) line << ", inverted";
  if (options.gray_match() != GrayMatch::none) line << ", matched by " << name_of(options.gray_match());
  if (options.scale) line << ", scale " << *options.scale;
  if (options.copies > 1) line << ", " << options.copies << " copies";
  if (options.smoothing > 0) line << ", smoothed over z by " << options.smoothing;
  if (options.threshold_source != "unused") line << ", threshold " << options.threshold;
  // A live acquisition has no range.
  if (options.end_slice > 0) line << ", slices " << options.first_slice << ":" << options.end_slice;
  return line.str();
}

}  // namespace fibflow::pipeline
