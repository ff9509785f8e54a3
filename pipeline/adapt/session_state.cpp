#include "pipeline/adapt/session_state.h"

#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::json;

Json json_of(const model::Moments& moments) {
  Json layers = Json::array();
  for (const model::LayerMoments& layer : moments.layers) {
    layers.push_back({{"count", layer.count}, {"mean", layer.mean}, {"squares", layer.squares}});
  }
  return layers;
}

model::Moments moments(const Json& json) {
  model::Moments all;
  for (const Json& layer : json) {
    all.layers.push_back({layer.at("count"), layer.at("mean"), layer.at("squares")});
  }
  return all;
}

Json json_of(const model::Statistics& statistics) {
  Json layers = Json::array();
  for (const model::LayerStatistics& layer : statistics.layers) {
    layers.push_back({{"mean", layer.mean}, {"variance", layer.variance}});
  }
  return layers;
}

std::shared_ptr<const model::Statistics> statistics(const Json& json) {
  auto all = std::make_shared<model::Statistics>();
  for (const Json& layer : json) all->layers.push_back({layer.at("mean"), layer.at("variance")});
  return all;
}

const char* name_of(model::PlanKind kind) {
  return kind == model::PlanKind::frozen ? "frozen" : "measured";
}

model::PlanKind kind_named(const std::string& name) {
  for (const model::PlanKind kind : {model::PlanKind::frozen, model::PlanKind::measured}) {
    if (name == name_of(kind)) return kind;
  }
  throw std::invalid_argument("no kind of snapshot is called '" + name + "'");
}

Json json_of(const nodes::Snapshot& snapshot) {
  return {{"kind", name_of(snapshot.kind)},
          {"state", nodes::name_of(snapshot.state)},
          {"statistics", json_of(*snapshot.statistics)},
          {"running", json_of(*snapshot.running)}};
}

nodes::Snapshot snapshot(const Json& json) {
  return {kind_named(json.at("kind")), nullptr, statistics(json.at("statistics")),
          statistics(json.at("running")), nodes::slice_state_named(json.at("state").get<std::string>())};
}

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

template <typename T>
std::optional<T> optional(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional<T>(json.get<T>());
}

Json json_of(const nodes::UpdaterState& state) {
  Json coming = Json::array();
  for (const nodes::Snapshot& next : state.coming) coming.push_back(json_of(next));
  return {{"next_order", state.next_order},
          {"estimator", pipeline::json_of(state.estimator)},
          {"earlier_batches", state.earlier_batches},
          {"calm_slices", state.calm_slices},
          {"usual_drift", state.monitor.usual},
          {"departed", state.monitor.departed},
          {"frozen_after", or_null(state.frozen_after)},
          {"coming", coming}};
}

nodes::UpdaterState updater_state(const Json& json) {
  nodes::UpdaterState state;
  state.next_order = json.at("next_order");
  state.estimator = estimator_state(json.at("estimator"));
  state.earlier_batches = json.at("earlier_batches");
  state.calm_slices = json.at("calm_slices");
  state.monitor.usual = json.at("usual_drift").get<std::deque<double>>();
  state.monitor.departed = json.at("departed");
  state.frozen_after = optional<std::int64_t>(json.at("frozen_after"));
  for (const Json& next : json.at("coming")) state.coming.push_back(snapshot(next));
  return state;
}

}  // namespace

Json json_of(const model::Estimator::State& state) {
  return {{"batches", state.batches},
          {"images", state.images},
          {"pool", json_of(state.pool)},
          {"mean", state.mean},
          {"variance", state.variance}};
}

Json json_of(const SegmentSession::State& state) {
  return {{"next", state.next}, {"updater", json_of(state.updater)}};
}

model::Estimator::State estimator_state(const Json& json) {
  model::Estimator::State state;
  state.batches = json.at("batches");
  state.images = json.at("images");
  state.pool = moments(json.at("pool"));
  state.mean = json.at("mean").get<std::vector<std::vector<double>>>();
  state.variance = json.at("variance").get<std::vector<std::vector<double>>>();
  return state;
}

SegmentSession::State session_state(const Json& json) {
  return {json.at("next"), updater_state(json.at("updater"))};
}

}  // namespace fibflow::pipeline
