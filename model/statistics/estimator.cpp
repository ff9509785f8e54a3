#include "model/statistics/estimator.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace fibflow::model {
namespace {

void require(bool holds, const char* message) {
  if (!holds) throw std::invalid_argument(message);
}

void check(const EstimatorRule& rule, const EstimatorValues& values) {
  for (const auto& [name, value] : values.given()) {
    const auto parameter = std::ranges::find_if(
        rule.parameters, [&name = name](const EstimatorParameter& p) { return name == p.name; });
    if (parameter == rule.parameters.end())
      throw std::invalid_argument(std::string("the estimator ") + rule.name + " has no parameter '" + name +
                                  "'");
    if (parameter->allows(value)) continue;
    std::ostringstream text;
    text << "the estimator's " << name << " is " << value << "; it must be " << parameter->range();
    throw std::invalid_argument(text.str());
  }
}

}  // namespace

Estimator::Estimator(EstimatorOptions options, Statistics source)
    : options_(std::move(options)), rule_(&estimator_rule(options_.rule)), source_(std::move(source)) {
  check(*rule_, options_.values);
  for (const LayerStatistics& layer : source_.layers) {
    state_.mean.emplace_back(layer.mean.begin(), layer.mean.end());
    state_.variance.emplace_back(layer.variance.begin(), layer.variance.end());
  }
}

bool Estimator::start_from(std::span<const Moments> probe) {
  ExactSums pool;
  double images = 0;
  for (const Moments& image : probe) {
    require(image.layers.size() == source_.layers.size(),
            "the probe measured other layers than the source has");
    if (!image.complete()) continue;
    pool.merge(ExactSums::of(image, source_));
    ++images;
  }
  if (images == 0) return false;
  const Moments all = pool.moments(source_);
  state_.pool = std::move(pool);
  state_.images = images;
  for (std::size_t i = 0; i < all.layers.size(); ++i) {
    const LayerMoments& layer = all.layers[i];
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
  state_.pool.merge(ExactSums::of(batch, source_));
  rule_->update(options_.values, state_, batch);
  state_.images += images;
  ++state_.batches;
  return true;
}

Statistics Estimator::estimate() const {
  return rule_->estimate(options_.values, state_, source_);
}

void Estimator::restore(State state) {
  require(state.mean.size() == source_.layers.size(), "the state belongs to another network");
  state_ = std::move(state);
}

}  // namespace fibflow::model
