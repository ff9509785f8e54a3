#pragma once

#include <cstdint>
#include <vector>

#include "model/statistics/exact_sums.h"

namespace fibflow::model {

/// Everything an estimator's updates depend on, so that a run can be continued bit for bit.
struct EstimatorState {
  std::int64_t batches = 0;
  double images = 0;
  ExactSums pool;                         ///< of all pixels so far, around the source's statistics
  std::vector<std::vector<double>> mean;  ///< moving averages: [layers][channels]
  std::vector<std::vector<double>> variance;
  friend bool operator==(const EstimatorState&, const EstimatorState&) = default;
};

}  // namespace fibflow::model
