#include "pipeline/adapt/session_state.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "io/files/packed_bytes.h"

namespace fibflow::pipeline {
namespace {

using Json = nlohmann::json;

Json json_of(const std::vector<model::Int128>& numbers) {
  Json all = Json::array();
  for (const model::Int128 number : numbers) {
    all.push_back(static_cast<std::int64_t>(number >> 64));
    all.push_back(static_cast<std::uint64_t>(number));
  }
  return all;
}

/// Numbers as their upper and their lower 64 bits.
std::vector<model::Int128> wide_numbers(const Json& json) {
  if (json.size() % 2 != 0) throw std::invalid_argument("half of a number is missing");
  std::vector<model::Int128> numbers;
  for (std::size_t i = 0; i < json.size(); i += 2) {
    if (!json[i].is_number_integer() || !json[i + 1].is_number_unsigned())
      throw std::invalid_argument("half of a number is none");
    const auto high = static_cast<model::UInt128>(json[i].get<std::int64_t>()) << 64;
    numbers.push_back(static_cast<model::Int128>(high | json[i + 1].get<std::uint64_t>()));
  }
  return numbers;
}

Json json_of(const model::ExactSums& sums) {
  Json layers = Json::array();
  for (const model::LayerSums& layer : sums.layers) {
    layers.push_back(
        {{"count", layer.count}, {"first", json_of(layer.first)}, {"second", json_of(layer.second)}});
  }
  return layers;
}

model::ExactSums exact_sums(const Json& json) {
  model::ExactSums sums;
  for (const Json& layer : json) {
    if (!layer.at("count").is_number_integer()) throw std::invalid_argument("a count is no whole number");
    sums.layers.push_back({layer.at("count").get<std::int64_t>(), wide_numbers(layer.at("first")),
                           wide_numbers(layer.at("second"))});
  }
  return sums;
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

Json json_of(const nodes::Snapshot& snapshot) {
  return {{"statistics", json_of(*snapshot.statistics)}, {"running", json_of(*snapshot.running)}};
}

nodes::Snapshot snapshot(const Json& json) {
  return {model::PlanKind::frozen, nullptr, statistics(json.at("statistics")),
          statistics(json.at("running"))};
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

/// What the network made of a slice: what smoothing needs of it.
Json json_of(const nodes::SegmentedSlice& slice) {
  Json planes = Json::array();
  for (const nodes::LayerSlice& plane : slice.layers)
    planes.push_back(Json::binary(io::packed({plane.slice.data(), plane.slice.size_bytes()})));
  return {{"order", slice.order},
          {"z", slice.z()},
          {"height", slice.layers.front().slice.height()},
          {"width", slice.layers.front().slice.width()},
          {"planes", std::move(planes)}};
}

std::shared_ptr<const nodes::SegmentedSlice> segmented_slice(const Json& json) {
  auto slice = std::make_shared<nodes::SegmentedSlice>();
  slice->order = json.at("order");
  const int height = json.at("height");
  const int width = json.at("width");
  constexpr std::int64_t most = std::int64_t{1} << 33;
  if (height < 1 || width < 1 || std::int64_t{height} * width > most)
    throw std::invalid_argument("the size of a slice is impossible");
  const auto bytes = static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * 2;
  for (const Json& plane : json.at("planes")) {
    const Json::binary_t& packed = plane.get_binary();
    // Not made before it is known that so much is there.
    if (io::unpacked_size(packed) != bytes) throw std::invalid_argument("a plane is of another size");
    auto voxels = std::make_shared_for_overwrite<std::byte[]>(bytes);
    io::unpack(packed, {voxels.get(), bytes});
    slice->layers.push_back({nodes::Layer::probability,
                             io::Slice(json.at("z"), height, width, io::PixelType::u16, std::move(voxels))});
  }
  if (slice->layers.empty()) throw std::invalid_argument("a slice has no planes");
  return slice;
}

Json json_of(const nodes::UpdaterState& state) {
  Json coming = Json::array();
  for (const nodes::Snapshot& next : state.coming) coming.push_back(json_of(next));
  return {{"next_order", state.next_order},
          {"estimator", pipeline::json_of(state.estimator)},
          {"anew", state.anew ? pipeline::json_of(*state.anew) : Json()},
          {"earlier_batches", state.earlier_batches},
          {"beginnings", state.beginnings},
          {"snapshots", state.snapshots},
          {"renewed", state.renewed},
          {"usual_drift", state.monitor.usual},
          {"departed", state.monitor.departed},
          {"coming", coming}};
}

nodes::UpdaterState updater_state(const Json& json) {
  nodes::UpdaterState state;
  state.next_order = json.at("next_order");
  state.estimator = estimator_state(json.at("estimator"));
  if (!json.at("anew").is_null()) state.anew = estimator_state(json.at("anew"));
  state.earlier_batches = json.at("earlier_batches");
  state.beginnings = json.at("beginnings");
  state.snapshots = json.at("snapshots");
  state.renewed = json.at("renewed");
  state.monitor.usual = json.at("usual_drift").get<std::vector<std::vector<double>>>();
  state.monitor.departed = json.at("departed");
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
  Json before = Json::array();
  for (const auto& slice : state.before) before.push_back(json_of(*slice));
  return {{"next", state.next}, {"updater", json_of(state.updater)}, {"before", std::move(before)}};
}

model::Estimator::State estimator_state(const Json& json) {
  model::Estimator::State state;
  state.batches = json.at("batches");
  state.images = json.at("images");
  state.pool = exact_sums(json.at("pool"));
  state.mean = json.at("mean").get<std::vector<std::vector<double>>>();
  state.variance = json.at("variance").get<std::vector<std::vector<double>>>();
  return state;
}

SegmentSession::State session_state(const Json& json) {
  SegmentSession::State state{json.at("next"), updater_state(json.at("updater")), {}};
  for (const Json& slice : json.at("before")) state.before.push_back(segmented_slice(slice));
  return state;
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
    const model::LayerSums& pool = state.pool.layers[i];
    require(pool.count > 0, "a count is impossible");
    require(pool.first.size() == channels && pool.second.size() == channels,
            "a layer has another number of channels");
  }
}

void require_fit(const SegmentSession::State& state, const model::Statistics& source, int lag) {
  const nodes::UpdaterState& updater = state.updater;
  require(state.next >= 0 && updater.next_order == state.next, "the order of slices is impossible");
  require(updater.earlier_batches >= 0 && updater.beginnings >= 0 && updater.snapshots >= 1 &&
              updater.monitor.departed >= 0 && updater.renewed < updater.next_order &&
              updater.renewed >= -nodes::UpdateRule::between_renewals,
          "a count is impossible");
  for (std::size_t i = 0; i < state.before.size(); ++i) {
    const nodes::SegmentedSlice& slice = *state.before[i];
    const nodes::SegmentedSlice& last = *state.before.back();
    require(slice.order == state.next - static_cast<std::int64_t>(state.before.size() - i) &&
                slice.layers.size() == last.layers.size() &&
                slice.layers.front().slice.height() == last.layers.front().slice.height() &&
                slice.layers.front().slice.width() == last.layers.front().slice.width(),
            "slices before the next one do not fit");
  }
  if (updater.anew) require_fit(*updater.anew, source);
  require(updater.monitor.usual.size() <= nodes::DriftMonitor::most_learnt, "too much is usual");
  for (const std::vector<double>& distances : updater.monitor.usual) {
    require(distances.size() == source.layers.size(), "there is another number of layers");
    for (const double distance : distances)
      require(std::isfinite(distance) && distance >= 0, "a distance is impossible");
  }
  require(updater.coming.size() == static_cast<std::size_t>(lag), "there are snapshots of another lag");
  require_fit(updater.estimator, source);
  for (const nodes::Snapshot& snapshot : updater.coming) {
    require_fit(*snapshot.statistics, source);
    require_fit(*snapshot.running, source);
  }
}

}  // namespace fibflow::pipeline
