#pragma once

#include <cstddef>
#include <vector>

#include "model/statistics/statistics.h"

namespace fibflow::model {

/// The two terms of one channel's distance; see Drift.
struct ChannelDrift {
  double spread = 0;  ///< (1 - σ̂/σ)²
  double mean = 0;    ///< (μ - μ̂)² / σ²
  double total() const { return spread + mean; }
};

/// How far estimated statistics are from true ones: the squared 2-Wasserstein distance between the two
/// Gaussians of each channel, after both were scaled by the true standard deviation ("target-normalized"),
///
///     W²(c) = (1 - σ̂/σ)² + (μ - μ̂)² / σ²
///
/// and summed over the channels of a layer (Stenger, Vedrenne et al.; their equations 2, 3 and 5 lost a sign
/// and a square in print). 0 exactly when both agree; not symmetric, as the true statistics normalize. A
/// channel whose true variance is 0 is at distance 0 if the estimate is the same and infinitely far
/// otherwise; with a statistic that is not a number, so is the distance.
struct Drift {
  std::vector<double> layers;  ///< sums over the channels of each layer
  double total = 0;            ///< sum over all layers
  double per_channel = 0;      ///< total divided by the number of all channels: comparable between networks
  /// Of each layer, divided by the number of its channels. A change of contrast moves the first layer; those behind it see it
  /// normalized, and in `per_channel` it is thin.
  std::vector<double> layers_per_channel;
};

/// Throws std::invalid_argument if layers or channels differ in number, or if a variance is negative.
Drift drift(const Statistics& estimated, const Statistics& truth);

/// The same, channel by channel of one layer.
std::vector<ChannelDrift> channel_drifts(const LayerStatistics& estimated, const LayerStatistics& truth);

/// The channels of all layers that moved most.
struct MovedChannel {
  std::size_t layer = 0;
  std::size_t channel = 0;
  ChannelDrift drift;
};

/// At most `count` channels at a distance other than 0, the farthest first; of equally far ones, the first in
/// the network. Throws as drift() does.
std::vector<MovedChannel> moved_most(const Statistics& estimated, const Statistics& truth, std::size_t count);

}  // namespace fibflow::model
