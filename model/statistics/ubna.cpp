#include <cmath>

#include "model/statistics/estimator_rules.h"

// A moving average whose momentum decays with each batch and each layer (Klingner et al. 2022):
// α = α0 exp(-αB b) exp(-αL l), with batches b = 0, 1, … and layers l = 1, 2, …

namespace fibflow::model {
namespace {

constexpr EstimatorParameter batch_decay = {.name = "batch_decay",
                                            .usual = 0.08,
                                            .lowest = 0,
                                            .symbol = "B",
                                            .help = "decay of the momentum per batch"};
constexpr EstimatorParameter layer_decay = {.name = "layer_decay",
                                            .usual = 0.03,
                                            .lowest = 0,
                                            .symbol = "L",
                                            .help = "decay of the momentum per layer"};
constexpr EstimatorParameter parameters[] = {momentum_parameter, batch_decay, layer_decay};

void update(const EstimatorValues& values, EstimatorState& state, const Moments& batch) {
  for (std::size_t i = 0; i < batch.layers.size(); ++i) {
    const double momentum = values.of(momentum_parameter) *
                            std::exp(-values.of(batch_decay) * static_cast<double>(state.batches)) *
                            std::exp(-values.of(layer_decay) * static_cast<double>(i + 1));
    move_average(state, i, batch.layers[i], momentum);
  }
}

Statistics estimate(const EstimatorValues& /*values*/, const EstimatorState& state,
                    const Statistics& /*source*/) {
  return averages(state);
}

}  // namespace

const EstimatorRule ubna_rule = {"ubna", parameters, update, estimate};

}  // namespace fibflow::model
