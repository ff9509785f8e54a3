#include "model/statistics/drift.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace fibflow::model {
namespace {

ChannelDrift channel_drift(double estimated_mean, double estimated_variance, double mean, double variance) {
  if (variance < 0 || estimated_variance < 0)
    throw std::invalid_argument("the drift between statistics with a negative variance is not defined");
  const double offset = mean - estimated_mean;
  if (variance == 0) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    return {estimated_variance == 0 ? 0 : infinity, offset == 0 ? 0 : infinity};
  }
  const double spread = 1 - std::sqrt(estimated_variance / variance);
  return {spread * spread, offset * offset / variance};
}

void require_same_layers(const Statistics& estimated, const Statistics& truth) {
  if (estimated.layers.size() == truth.layers.size()) return;
  throw std::invalid_argument("the drift between statistics with different numbers of layers is not defined");
}

}  // namespace

std::vector<ChannelDrift> channel_drifts(const LayerStatistics& estimated, const LayerStatistics& truth) {
  const std::size_t channels = truth.mean.size();
  if (estimated.mean.size() != channels || estimated.variance.size() != channels ||
      truth.variance.size() != channels) {
    throw std::invalid_argument("the drift between layers with different numbers of channels is not defined");
  }
  std::vector<ChannelDrift> result;
  result.reserve(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    result.push_back(
        channel_drift(estimated.mean[c], estimated.variance[c], truth.mean[c], truth.variance[c]));
  }
  return result;
}

Drift drift(const Statistics& estimated, const Statistics& truth) {
  require_same_layers(estimated, truth);
  Drift result;
  std::size_t channels = 0;
  for (std::size_t l = 0; l < truth.layers.size(); ++l) {
    double sum = 0;
    for (const ChannelDrift& channel : channel_drifts(estimated.layers[l], truth.layers[l]))
      sum += channel.total();
    result.layers.push_back(sum);
    result.layers_per_channel.push_back(
        sum / static_cast<double>(std::max<std::size_t>(truth.layers[l].mean.size(), 1)));
    result.total += sum;
    channels += truth.layers[l].mean.size();
  }
  result.per_channel = channels > 0 ? result.total / static_cast<double>(channels) : 0;
  return result;
}

std::vector<MovedChannel> moved_most(const Statistics& estimated, const Statistics& truth,
                                     std::size_t count) {
  require_same_layers(estimated, truth);
  std::vector<MovedChannel> moved;
  for (std::size_t l = 0; l < truth.layers.size(); ++l) {
    const auto channels = channel_drifts(estimated.layers[l], truth.layers[l]);
    for (std::size_t c = 0; c < channels.size(); ++c) {
      if (channels[c].total() > 0) moved.push_back({l, c, channels[c]});
    }
  }
  std::stable_sort(moved.begin(), moved.end(), [](const MovedChannel& a, const MovedChannel& b) {
    return a.drift.total() > b.drift.total();
  });
  moved.resize(std::min(count, moved.size()));
  return moved;
}

}  // namespace fibflow::model
