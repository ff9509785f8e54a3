#pragma once

#include "model/tile/inference.h"
#include "nodes/tiles/classifier.h"
#include "nodes/tiles/prediction.h"
#include "nodes/tiles/tile_runner.h"
#include "nodes/tiles/tiler.h"
#include "nodes/tiles/worker_pool.h"

namespace fibflow::nodes {

/// Computes one tile: cuts it out, runs the network, and labels the pixels of the core.
/// In:     Tile.
/// Out:    Prediction.
/// Uses:   one worker of the pool while it runs; the pool outlives the node.
/// Throws: model::ModelError if the network's output is not finite.
class Segmenter {
 public:
  using Input = Tile;
  using Output = Prediction;

  Segmenter(model::Inference inference, Classifier classifier, WorkerPool& workers);

  Output operator()(const Input& tile) const;

 private:
  TileRunner runner_;
  Classifier classifier_;
  WorkerPool& workers_;
};

}  // namespace fibflow::nodes
