#include "pipeline/report/run_state.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "pipeline/adapt/session_state.h"
#include "pipeline/report/run_parts.h"
#include "pipeline/state/durable_state.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::ordered_json;

constexpr nodes::IntensityMatch::From all_origins[] = {
    nodes::IntensityMatch::From::type, nodes::IntensityMatch::From::option,
    nodes::IntensityMatch::From::measured, nodes::IntensityMatch::From::matched};

Json json_of(const nodes::IntensityMatch& match) {
  return {{"range", {match.range.black, match.range.white}},
          {"from", nodes::name_of(match.from)},
          {"remarks", match.remarks},
          {"warnings", match.warnings}};
}

nodes::IntensityMatch intensity_match(const Json& json) {
  nodes::IntensityMatch match;
  match.range = {json.at("range").at(0), json.at("range").at(1)};
  if (match.range.black == match.range.white) throw std::invalid_argument("an intensity range is empty");
  const std::string from = json.at("from");
  const auto* found = std::ranges::find_if(
      all_origins, [&](nodes::IntensityMatch::From each) { return from == nodes::name_of(each); });
  if (found == std::end(all_origins))
    throw std::invalid_argument("an intensity range is from '" + from + "'");
  match.from = *found;
  match.remarks = json.at("remarks").get<std::vector<std::string>>();
  match.warnings = json.at("warnings").get<std::vector<std::string>>();
  return match;
}

Json json_of(const AdaptationStart::Findings& findings) {
  const nodes::IntensityMoments& intensity = findings.intensity;
  return {{"intensity", {intensity.count, intensity.mean, intensity.squares}},
          {"intensity_slices", findings.intensity_slices},
          {"intensities", json_of(findings.intensities)},
          {"gray_levels", findings.gray_levels},
          {"match", json_of(findings.match)},
          {"probe_slices", findings.probe_slices},
          {"probe_is_blank", findings.probe_is_blank},
          {"adapted", pipeline::json_of(findings.adapted)},
          {"comparison", findings.comparison ? json_of(*findings.comparison) : Json()},
          {"doubt", findings.doubt ? json_of(*findings.doubt) : Json()},
          {"comparison_left_out", findings.comparison_left_out}};
}

AdaptationStart::Findings findings_of(const Json& json, const model::Network& network) {
  AdaptationStart::Findings findings;
  const Json& intensity = json.at("intensity");
  findings.intensity = {intensity.at(0), intensity.at(1), intensity.at(2)};
  findings.intensity_slices = json.at("intensity_slices").get<std::vector<std::int64_t>>();
  findings.intensities = intensity_match(json.at("intensities"));
  findings.gray_levels = json.at("gray_levels").get<std::vector<double>>();
  findings.match = match_of(json.at("match"));
  findings.probe_slices = json.at("probe_slices").get<std::vector<std::int64_t>>();
  findings.probe_is_blank = json.at("probe_is_blank");
  findings.adapted = estimator_state(json.at("adapted"));
  require_fit(findings.adapted, network.source_statistics());
  if (!json.at("comparison").is_null()) findings.comparison = comparison(json.at("comparison"));
  if (!json.at("doubt").is_null()) findings.doubt = doubt(json.at("doubt"));
  findings.comparison_left_out = json.at("comparison_left_out");
  return findings;
}

}  // namespace

Json json_of(const RunState& state) {
  return {{"started", state.started},
          {"seconds", json_of(state.seconds)},
          {"resumed", json_of_all(state.resumed)},
          {"tiles", {{"height", state.tiles.height}, {"width", state.tiles.width}}},
          {"findings", json_of(state.findings)},
          {"session", pipeline::json_of(state.session)}};
}

RunState run_state(const Json& json, const model::Network& network, int lag) {
  constexpr std::int64_t largest = std::numeric_limits<int>::max();
  RunState state;
  state.started = json.at("started");
  state.seconds = run_seconds(json.at("seconds"));
  state.resumed = all_of(json.at("resumed"), resumption);
  state.tiles.height = static_cast<int>(whole_number(json.at("tiles"), "height", 1, largest));
  state.tiles.width = static_cast<int>(whole_number(json.at("tiles"), "width", 1, largest));
  state.findings = findings_of(json.at("findings"), network);
  state.session = session_state(json.at("session"));
  require_fit(state.session, network.source_statistics(), lag);
  return state;
}

}  // namespace fibflow::pipeline
