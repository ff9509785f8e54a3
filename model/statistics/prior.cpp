#include "model/statistics/estimator_rules.h"

// All pixels so far, and the source as a prior that weighs as many images as it is given (Schneider et al. 2020):
// N / (N + n) source + n / (N + n) target, after n images.

namespace fibflow::model {
namespace {

constexpr EstimatorParameter prior_images = {.name = "prior_images",
                                             .usual = 16,
                                             .lowest = 0,
                                             .symbol = "N",
                                             .help = "weight of the source, in images"};
constexpr EstimatorParameter parameters[] = {prior_images};

Statistics estimate(const EstimatorValues& values, const EstimatorState& state, const Statistics& source) {
  if (state.pool.empty()) return source;
  const double prior = values.of(prior_images);
  return blend(state.pool.moments(source).statistics(), source, prior / (prior + state.images));
}

}  // namespace

const EstimatorRule prior_rule = {"prior", parameters, leave_averages, estimate};

}  // namespace fibflow::model
