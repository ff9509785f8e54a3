#include "model/statistics/estimator.h"

#include <cmath>
#include <stdexcept>

namespace fibflow::model {
namespace {

void require(bool holds, const char* message) {
  if (!holds) throw std::invalid_argument(message);
}

}  // namespace

std::string name_of(Rule rule) {
  switch (rule) {
    case Rule::ema:
      return "ema";
    case Rule::pooled:
      return "pooled";
    case Rule::prior:
      return "prior";
    case Rule::ubna:
      return "ubna";
  }
  throw std::logic_error("unknown rule");
}

Rule rule_named(const std::string& name) {
  for (const Rule rule : {Rule::ema, Rule::pooled, Rule::prior, Rule::ubna}) {
    if (name_of(rule) == name) return rule;
  }
  throw std::invalid_argument("unknown estimator '" + name + "': it is one of ema, pooled, prior, ubna");
}

Estimator::Estimator(EstimatorOptions options, Statistics source)
    : options_(options), source_(std::move(source)) {
  require(options_.momentum > 0 && options_.momentum <= 1, "the momentum must lie in (0, 1]");
  require(options_.prior_images >= 0 && std::isfinite(options_.prior_images),
          "the weight of the prior must not be negative, nor infinite");
  require(options_.batch_decay >= 0 && options_.layer_decay >= 0 &&
              std::isfinite(options_.batch_decay + options_.layer_decay),
          "the decays of ubna must not be negative, nor infinite");
  for (const LayerStatistics& layer : source_.layers) {
    state_.mean.emplace_back(layer.mean.begin(), layer.mean.end());
    state_.variance.emplace_back(layer.variance.begin(), layer.variance.end());
  }
}

bool Estimator::start_from(const Moments& probe, double images) {
  require(probe.layers.size() == source_.layers.size(),
          "the probe measured other layers than the source has");
  if (!probe.complete()) return false;
  state_.pool = probe;
  state_.images = images;
  for (std::size_t i = 0; i < probe.layers.size(); ++i) {
    const LayerMoments& layer = probe.layers[i];
    require(layer.mean.size() == state_.mean[i].size(), "the probe measured other channels");
    state_.mean[i] = layer.mean;
    for (std::size_t c = 0; c < layer.mean.size(); ++c)
      state_.variance[i][c] = layer.squares[c] / layer.count;
  }
  return true;
}

bool Estimator::update(const Moments& batch, double images) {
  require(batch.layers.size() == source_.layers.size(), "the batch has other layers than the source");
  if (!batch.complete()) return false;
  for (std::size_t i = 0; i < batch.layers.size(); ++i) {
    require(batch.layers[i].mean.size() == state_.mean[i].size(),
            "the batch has other channels than the source");
  }
  if (options_.rule == Rule::pooled || options_.rule == Rule::prior) {
    state_.pool.merge(batch);
  } else {
    for (std::size_t i = 0; i < batch.layers.size(); ++i) {
      const LayerMoments& layer = batch.layers[i];
      // momentum always weighs the new value, here and nowhere else (oneDNN means the opposite by the word).
      double momentum = options_.momentum;
      if (options_.rule == Rule::ubna) {
        momentum *= std::exp(-options_.batch_decay * static_cast<double>(state_.batches)) *
                    std::exp(-options_.layer_decay * static_cast<double>(i + 1));
      }
      for (std::size_t c = 0; c < layer.mean.size(); ++c) {
        double& mean = state_.mean[i][c];
        double& variance = state_.variance[i][c];
        mean = (1 - momentum) * mean + momentum * layer.mean[c];
        variance = (1 - momentum) * variance + momentum * (layer.squares[c] / layer.count);
      }
    }
  }
  state_.images += images;
  ++state_.batches;
  return true;
}

Statistics Estimator::estimate() const {
  if (options_.rule == Rule::pooled || options_.rule == Rule::prior) {
    if (state_.pool.layers.empty()) return source_;
    Statistics measured = state_.pool.statistics();
    if (options_.rule == Rule::pooled) return measured;
    const double n = state_.images;
    return blend(measured, source_, options_.prior_images / (options_.prior_images + n));
  }
  Statistics result;
  for (std::size_t i = 0; i < state_.mean.size(); ++i) {
    LayerStatistics layer;
    layer.mean.assign(state_.mean[i].begin(), state_.mean[i].end());
    layer.variance.assign(state_.variance[i].begin(), state_.variance[i].end());
    result.layers.push_back(std::move(layer));
  }
  return result;
}

void Estimator::restore(State state) {
  require(state.mean.size() == source_.layers.size(), "the state belongs to another network");
  state_ = std::move(state);
}

}  // namespace fibflow::model
