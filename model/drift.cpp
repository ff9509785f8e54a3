#include "model/drift.h"

#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>

namespace fibflow::model {
namespace {

double channel_drift(double estimated_mean, double estimated_variance, double mean, double variance) {
  if (variance == 0) {
    const bool same = estimated_mean == mean && estimated_variance == 0;
    return same ? 0 : std::numeric_limits<double>::infinity();
  }
  const double spread = 1 - std::sqrt(estimated_variance / variance);
  const double offset = mean - estimated_mean;
  return spread * spread + offset * offset / variance;
}

}  // namespace

Drift drift(const Statistics& estimated, const Statistics& truth) {
  if (estimated.layers.size() != truth.layers.size()) {
    throw std::invalid_argument(
        "the drift between statistics with different numbers of layers is not defined");
  }
  Drift result;
  std::size_t channels = 0;
  for (std::size_t l = 0; l < truth.layers.size(); ++l) {
    const LayerStatistics& from = estimated.layers[l];
    const LayerStatistics& to = truth.layers[l];
    if (from.mean.size() != to.mean.size() || from.variance.size() != to.variance.size()) {
      throw std::invalid_argument(
          "the drift between layers with different numbers of channels is not defined");
    }
    double sum = 0;
    for (std::size_t c = 0; c < to.mean.size(); ++c) {
      sum += channel_drift(from.mean[c], from.variance[c], to.mean[c], to.variance[c]);
    }
    result.layers.push_back(sum);
    result.total += sum;
    channels += to.mean.size();
  }
  result.per_channel = channels > 0 ? result.total / static_cast<double>(channels) : 0;
  return result;
}

}  // namespace fibflow::model
