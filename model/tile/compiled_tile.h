#pragma once

// Internal to model/.

#include <memory>
#include <vector>

#include "model/steps/planner.h"
#include "model/tile/network.h"
#include "model/tile/shaped_network.h"

namespace fibflow::model {

/// A tile's steps with their primitives. Immutable; run() may be called in parallel.
class CompiledTile {
 public:
  /// Throws ModelError that names the node for which there is no primitive.
  CompiledTile(std::shared_ptr<const ShapedNetwork> net, Network network, TileSpec spec);

  const TileSpec& spec() const { return spec_; }
  std::size_t workspace_bytes() const { return spec_.workspace_floats * sizeof(float) + scratch_bytes_; }

  /// counted: of each BatchNorm's input, the part of this tile's share that counts; null: all of it.
  void run(float* workspace, const Weights& weights, const Statistics* statistics, Moments* moments,
           const std::vector<CountedShare>* counted) const;
  /// counted: of the layer that is measured.
  void run_stage(int stage, float* workspace, const Weights& weights, const LayerStatistics* used,
                 LayerMoments* measured, const CountedShare* counted) const;
  void read_output(const float* workspace, std::span<float> output) const;

 private:
  StepContext context(float* workspace, const Weights& weights) const;

  std::shared_ptr<const ShapedNetwork> net_;  // the steps refer to its operations
  Network network_;
  TileSpec spec_;
  std::size_t scratch_bytes_ = 0;
};

}  // namespace fibflow::model
