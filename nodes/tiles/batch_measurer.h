#pragma once

#include <memory>
#include <vector>

#include "model/statistics/statistics.h"
#include "model/tile/inference.h"
#include "nodes/intensity/normalizer.h"
#include "nodes/tiles/parallel_loop.h"
#include "nodes/tiles/worker_pool.h"

namespace fibflow::nodes {

/// One tile of a batch: a part of a slice, or an image of its own (a patch).
struct BatchTile {
  PreparedSlice image;
  std::shared_ptr<const model::TilePlan> plan;    ///< measured
  std::shared_ptr<const model::Weights> weights;  ///< of the plan's Inference
};

/// What a batch gave.
struct BatchMoments {
  std::vector<std::shared_ptr<model::Moments>>
      tiles;              ///< of what counts of each tile's share of each layer, in the order of the tiles
  model::Moments merged;  ///< of the batch: the tiles', merged in their order
  model::Statistics
      statistics;  ///< what each layer was normalized with: the batch's, with the source's share
};

/// Measures a batch in `batch` mode: each BatchNorm layer is normalized with the moments that its own input
/// has over the whole batch, as PyTorch does in train(). All tiles must therefore have passed a layer before
/// one of them can go on. Two ways that give the same result:
/// - lockstep: every tile keeps a worker of its own and all go from layer to layer together;
/// - with fewer workers than tiles: for each layer, every tile is computed again from its beginning with what
/// is known
///   of the layers before. With L layers that costs about L / 2 times as much.
/// What does not count in the moments does not count in what normalizes either. If nothing counts in some layer
/// (a slice of pure resin), the batch is normalized with all its pixels, and its moments are empty (Moments::complete()
/// is false).
/// In:     the tiles of one batch.
/// Out:    their moments.
/// Uses:   as many workers of the pool as there are tiles, or in the second way all of them.
/// Throws: std::invalid_argument if there is no tile or no BatchNorm layer.
class BatchMeasurer {
 public:
  using Input = std::vector<BatchTile>;
  using Output = BatchMoments;

  /// source_share: each layer is normalized with (1 - share) * the batch's statistics + share * the source's. That is
  /// what a network that is going to be used with this share shows its deeper layers; 0 is PyTorch's train().
  explicit BatchMeasurer(const model::Network& network, double source_share = 0);

  /// The loop runs at most pool.capacity() calls at once; others may not use the pool meanwhile.
  Output operator()(const Input& tiles, WorkerPool& pool, const ParallelLoop& loop) const;

  /// The moments of the first layer alone, which depend on no statistics; without pixels if nothing counts there. Takes a small
  /// part of the time.
  model::LayerMoments first_layer(const Input& tiles, WorkerPool& pool, const ParallelLoop& loop) const;

 private:
  class Batch;
  void cut(const BatchTile& tile, Worker& worker) const;

  int input_channels_;
  int layers_;
  model::Statistics source_;
  double source_share_;
};

}  // namespace fibflow::nodes
