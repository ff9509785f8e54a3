#include "model/statistics/estimator_rules.h"

// Exact moments of all pixels so far (AdaBN, Li et al. 2018).

namespace fibflow::model {
namespace {

Statistics estimate(const EstimatorValues& /*values*/, const EstimatorState& state,
                    const Statistics& source) {
  return state.pool.empty() ? source : state.pool.moments(source).statistics();
}

}  // namespace

const EstimatorRule pooled_rule = {"pooled", {}, leave_averages, estimate};

}  // namespace fibflow::model
