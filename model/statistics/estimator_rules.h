#pragma once

// Internal to model/statistics: one file each, of the same name.

#include "model/statistics/estimator_rule.h"
#include "model/statistics/estimator_state.h"

namespace fibflow::model {

extern const EstimatorRule ema_rule;
extern const EstimatorRule pooled_rule;
extern const EstimatorRule prior_rule;
extern const EstimatorRule ubna_rule;

/// The weight of the newest batch in a moving average.
inline constexpr EstimatorParameter momentum_parameter = {.name = "momentum",
                                                          .usual = 0.1,
                                                          .lowest = 0,
                                                          .highest = 1,
                                                          .may_be_lowest = false,
                                                          .symbol = "A",
                                                          .help = "weight of the new batch"};

/// state = (1 - momentum) * state + momentum * batch, for means and variances of one layer. momentum always weighs the new
/// value, here and nowhere else (oneDNN means the opposite by the word).
void move_average(EstimatorState& state, std::size_t layer, const LayerMoments& batch, double momentum);

/// For a rule that goes by the pool.
void leave_averages(const EstimatorValues& values, EstimatorState& state, const Moments& batch);

/// The moving averages as they stand.
Statistics averages(const EstimatorState& state);

}  // namespace fibflow::model
