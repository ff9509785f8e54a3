#pragma once

#include <vector>

#include "model/statistics.h"

namespace fibflow::model {

/// How far estimated statistics are from true ones: the squared 2-Wasserstein distance between the two
/// Gaussians of each channel, after both were scaled by the true standard deviation ("target-normalized"),
///
///     W²(c) = (1 - σ̂/σ)² + (μ - μ̂)² / σ²
///
/// and summed over the channels of a layer (Stenger, Vedrenne et al.; their equations 2, 3 and 5 lost a sign
/// and a square in print). 0 exactly when both agree; not symmetric, as the true statistics normalize. A
/// channel whose true variance is 0 is at distance 0 if the estimate is the same and infinitely far
/// otherwise.
struct Drift {
  std::vector<double> layers;  ///< sums over the channels of each layer
  double total = 0;            ///< sum over all layers
  double per_channel = 0;      ///< total divided by the number of all channels: comparable between networks
};

/// Throws std::invalid_argument if layers or channels differ in number.
Drift drift(const Statistics& estimated, const Statistics& truth);

}  // namespace fibflow::model
