#include "model/statistics/estimator_rules.h"

// Exponential moving average with a fixed momentum (Stenger, Vedrenne et al.; PyTorch's running statistics).

namespace fibflow::model {
namespace {

constexpr EstimatorParameter parameters[] = {momentum_parameter};

void update(const EstimatorValues& values, EstimatorState& state, const Moments& batch) {
  for (std::size_t i = 0; i < batch.layers.size(); ++i)
    move_average(state, i, batch.layers[i], values.of(momentum_parameter));
}

Statistics estimate(const EstimatorValues& /*values*/, const EstimatorState& state,
                    const Statistics& /*source*/) {
  return averages(state);
}

}  // namespace

const EstimatorRule ema_rule = {"ema", parameters, update, estimate};

}  // namespace fibflow::model
