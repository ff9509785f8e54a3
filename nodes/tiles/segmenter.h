#pragma once

#include "model/tile/inference.h"
#include "nodes/tiles/classifier.h"
#include "nodes/tiles/prediction.h"
#include "nodes/tiles/tile_runner.h"
#include "nodes/tiles/tiler.h"
#include "nodes/tiles/worker_pool.h"

namespace fibflow::nodes {

/// Computes one tile: cuts it out, runs the network, and labels the pixels of the core. With 2 or 4 copies the network sees its
/// mirror images, too, and the mean of its outputs is labelled.
/// In:     Tile.
/// Out:    Prediction.
/// Uses:   one worker of the pool while it runs; the pool outlives the node.
/// Throws: model::ModelError if the network's output is not finite.
class Segmenter {
 public:
  using Input = Tile;
  using Output = Prediction;

  /// Throws std::invalid_argument unless there are 1, 2 or 4 copies.
  Segmenter(model::Inference inference, Classifier classifier, WorkerPool& workers, int copies = 1);

  Output operator()(const Input& tile) const;

 private:
  Labels labels_of(const Tile& tile, Worker& worker) const;

  TileRunner runner_;
  Classifier classifier_;
  WorkerPool& workers_;
  int copies_;
};

}  // namespace fibflow::nodes
