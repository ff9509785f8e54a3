#include "model/statistics/estimator_rules.h"

#include <cmath>
#include <sstream>
#include <stdexcept>

namespace fibflow::model {

bool EstimatorParameter::allows(double value) const {
  return std::isfinite(value) && (may_be_lowest ? value >= lowest : value > lowest) && value <= highest;
}

std::string EstimatorParameter::range() const {
  std::ostringstream text;
  if (std::isinf(highest)) {
    text << (may_be_lowest ? "" : "above ") << lowest << (may_be_lowest ? " or more" : "");
  } else {
    text << (may_be_lowest ? "at least " : "above ") << lowest << " and at most " << highest;
  }
  return text.str();
}

double EstimatorValues::of(const EstimatorParameter& parameter) const {
  const auto it = given_.find(parameter.name);
  return it == given_.end() ? parameter.usual : it->second;
}

std::span<const EstimatorRule* const> estimator_rules() {
  static const EstimatorRule* const rules[] = {&ema_rule, &pooled_rule, &prior_rule, &ubna_rule};
  return rules;
}

const EstimatorRule& estimator_rule(const std::string& name) {
  std::string names;
  for (const EstimatorRule* rule : estimator_rules()) {
    if (name == rule->name) return *rule;
    names += (names.empty() ? "" : ", ") + std::string(rule->name);
  }
  throw std::invalid_argument("unknown estimator '" + name + "': it is one of " + names);
}

void move_average(EstimatorState& state, std::size_t layer, const LayerMoments& batch, double momentum) {
  for (std::size_t c = 0; c < batch.mean.size(); ++c) {
    double& mean = state.mean[layer][c];
    double& variance = state.variance[layer][c];
    mean = (1 - momentum) * mean + momentum * batch.mean[c];
    variance = (1 - momentum) * variance + momentum * (batch.squares[c] / batch.count);
  }
}

void leave_averages(const EstimatorValues& /*values*/, EstimatorState& /*state*/, const Moments& /*batch*/) {}

Statistics averages(const EstimatorState& state) {
  Statistics result;
  for (std::size_t i = 0; i < state.mean.size(); ++i) {
    LayerStatistics layer;
    layer.mean.assign(state.mean[i].begin(), state.mean[i].end());
    layer.variance.assign(state.variance[i].begin(), state.variance[i].end());
    result.layers.push_back(std::move(layer));
  }
  return result;
}

}  // namespace fibflow::model
