#include "model/statistics/estimator_rules.h"

// Exact moments of all pixels so far (AdaBN, Li et al. 2018).

namespace fibflow::model {
namespace {

void update(const EstimatorValues& /*values*/, EstimatorState& state, const Moments& batch) {
  state.pool.merge(batch);
}

Statistics estimate(const EstimatorValues& /*values*/, const EstimatorState& state,
                    const Statistics& source) {
  return state.pool.layers.empty() ? source : state.pool.statistics();
}

}  // namespace

const EstimatorRule pooled_rule = {"pooled", {}, update, estimate};

}  // namespace fibflow::model
