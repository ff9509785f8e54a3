#include "pipeline/adapt/session_state.h"

#include <cmath>
#include <cstddef>
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

void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

/// Of statistics or moments, with the counts of the network's.
template <typename Numbers>
void require_layer(const Numbers& mean, const Numbers& spread, std::size_t channels) {
  require(mean.size() == channels && spread.size() == channels, "a layer has another number of channels");
  for (const auto value : mean) require(std::isfinite(value), "a mean is not finite");
  for (const auto value : spread) require(std::isfinite(value) && value >= 0, "a variance is impossible");
}

void require_fit(const model::Statistics& statistics, const model::Statistics& source) {
  require(statistics.layers.size() == source.layers.size(), "there is another number of layers");
  for (std::size_t i = 0; i < source.layers.size(); ++i) {
    require_layer(statistics.layers[i].mean, statistics.layers[i].variance, source.layers[i].mean.size());
  }
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

void require_fit(const model::Estimator::State& state, const model::Statistics& source) {
  const std::size_t layers = source.layers.size();
  require(state.batches >= 0 && std::isfinite(state.images) && state.images >= 0, "a count is impossible");
  require(state.mean.size() == layers && state.variance.size() == layers,
          "there is another number of layers");
  require(state.pool.layers.empty() || state.pool.layers.size() == layers,
          "there is another number of layers");
  for (std::size_t i = 0; i < layers; ++i) {
    const std::size_t channels = source.layers[i].mean.size();
    require_layer(state.mean[i], state.variance[i], channels);
    if (state.pool.layers.empty()) continue;
    const model::LayerMoments& pool = state.pool.layers[i];
    require(std::isfinite(pool.count) && pool.count > 0, "a count is impossible");
    require_layer(pool.mean, pool.squares, channels);
  }
}

void require_fit(const SegmentSession::State& state, const model::Statistics& source, int lag) {
  const nodes::UpdaterState& updater = state.updater;
  require(state.next >= 0 && updater.next_order == state.next, "the order of slices is impossible");
  require(updater.earlier_batches >= 0 && updater.calm_slices >= 0 && updater.monitor.departed >= 0,
          "a count is impossible");
  require(updater.coming.size() == static_cast<std::size_t>(lag), "there are snapshots of another lag");
  require_fit(updater.estimator, source);
  for (const nodes::Snapshot& snapshot : updater.coming) {
    require_fit(*snapshot.statistics, source);
    require_fit(*snapshot.running, source);
  }
}

}  // namespace fibflow::pipeline
