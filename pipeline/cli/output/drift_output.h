#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "model/statistics/drift.h"
#include "model/tile/network.h"

namespace fibflow::cli {

// What `fibflow drift --json` prints is one object:
//
//   fibflow       version of the program
//   a, b          the models: path, batch_norm_layers, channels
//   directions    two objects, first with a's statistics estimated and b's true, then the reverse:
//     estimated, true      "a" and "b", or "b" and "a"
//     distance             target-normalized squared Wasserstein-2 distance, summed over all channels
//     per_channel          divided by their number
//     infinite_channels    how many are infinitely far: the true variance is 0, the estimate differs
//     finite_distance      the sum over all others
//     layers               array in the network's order: name, channels, distance, per_channel, mean and spread (the
//                          two terms of the distance), infinite_channels, finite_distance, below_epsilon (channels
//                          whose true variance is smaller than what BatchNorm adds to it)
//     moved_most           array, the farthest first: layer, channel, distance, mean, spread, estimated and true
//                          (each: mean, deviation)
//
// Infinite distances are null.

/// Two models with the same BatchNorm layers, compared in both directions.
class DriftComparison {
 public:
  /// Throws model::ModelError that names both files if the layers differ in number or channels, or if there are none.
  DriftComparison(const model::Network& a, const model::Network& b, std::size_t most);

  nlohmann::ordered_json json() const;
  void print(std::ostream& out) const;

  /// What has to be said beside the numbers: why a distance is infinite or larger than it feels, names that differ.
  const std::vector<std::string>& remarks() const { return remarks_; }

 private:
  struct Layer {
    std::string name;
    std::size_t channels = 0;
    double distance = 0;
    double mean = 0;
    double spread = 0;
    double finite_distance = 0;
    std::vector<std::size_t> infinite;
    std::vector<std::size_t> below_epsilon;
  };
  struct Direction {
    std::string estimated;  ///< "a" or "b"
    std::string truth;
    std::vector<Layer> layers;
    Layer all;  ///< the sums; its channels' numbers are not used
    std::vector<model::MovedChannel> most;
    model::Statistics estimated_statistics;
    model::Statistics true_statistics;
  };

  Direction compare(bool a_is_estimated, std::size_t most) const;
  void remark(const Direction& direction);
  nlohmann::ordered_json direction_json(const Direction& direction) const;
  void print_moved(std::ostream& out, const Direction& direction) const;

  model::Network a_;
  model::Network b_;
  std::vector<Direction> directions_;
  std::vector<std::string> remarks_;
};

}  // namespace fibflow::cli
