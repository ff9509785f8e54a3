#include "nodes/tiles/batch_measurer.h"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <utility>

#include "nodes/tiles/tile_cutter.h"

namespace fibflow::nodes {

BatchMeasurer::BatchMeasurer(const model::Network& network, double source_share)
    : input_channels_(network.input_channels()),
      layers_(static_cast<int>(network.batch_norms().size())),
      source_(network.source_statistics()),
      source_share_(source_share) {
  if (layers_ == 0) throw std::invalid_argument("a network without BatchNorm layers has no batch statistics");
}

void BatchMeasurer::cut(const BatchTile& tile, Worker& worker) const {
  cut_tile(tile.image.slice, tile.image.affine, tile.plan->input_region(), input_channels_,
           tile.plan->input(worker.workspace));
}

/// The state of one measurement.
class BatchMeasurer::Batch {
 public:
  Batch(const BatchMeasurer& measurer, const Input& tiles) : measurer_(measurer), tiles_(tiles) {
    for (std::size_t i = 0; i < tiles.size(); ++i) {
      result_.tiles.push_back(std::make_shared<model::Moments>());
      result_.tiles.back()->layers.resize(static_cast<std::size_t>(measurer.layers_));
    }
    result_.merged.layers.resize(static_cast<std::size_t>(measurer.layers_));
    result_.statistics.layers.resize(static_cast<std::size_t>(measurer.layers_));
    something_counts_ = every_layer_counts();
  }

  int count() const { return static_cast<int>(tiles_.size()); }

  void cut(int tile, Worker& worker) const { measurer_.cut(at(tile), worker); }

  /// Stage s normalizes layer s - 1 with the batch's statistics and measures layer s.
  void compute(int stage, int tile, Worker& worker, model::LayerMoments* measured) const {
    const model::LayerStatistics* used =
        stage == 0 ? nullptr : &result_.statistics.layers[static_cast<std::size_t>(stage) - 1];
    const auto& counted = at(tile).image.counted;
    at(tile).plan->run_stage(stage, worker.workspace, *at(tile).weights, used, measured,
                             something_counts_ && counted ? &*counted : nullptr);
  }

  model::LayerMoments* moments(int stage, int tile) {
    return &result_.tiles[static_cast<std::size_t>(tile)]->layers[static_cast<std::size_t>(stage)];
  }

  /// Makes the batch's statistics of layer `stage` once every tile was measured there.
  void conclude(int stage) {
    const auto layer = static_cast<std::size_t>(stage);
    result_.merged.layers[layer] = result_.tiles.front()->layers[layer];
    for (std::size_t t = 1; t < tiles_.size(); ++t)
      result_.merged.layers[layer].merge(result_.tiles[t]->layers[layer]);
    result_.statistics.layers[layer] = model::blend(result_.merged.layers[layer].statistics(),
                                                    measurer_.source_.layers[layer], measurer_.source_share_);
  }

  Output take() {
    if (!something_counts_) {
      clear(result_.merged);
      for (const auto& tile : result_.tiles) clear(*tile);
    }
    return std::move(result_);
  }

 private:
  static void clear(model::Moments& moments) {
    for (model::LayerMoments& layer : moments.layers) {
      layer.count = 0;
      layer.mean.assign(layer.mean.size(), 0);
      layer.squares.assign(layer.squares.size(), 0);
    }
  }

  /// Whether every layer has pixels that count.
  bool every_layer_counts() const {
    std::vector<bool> counts(static_cast<std::size_t>(measurer_.layers_));
    for (const BatchTile& tile : tiles_) {
      if (!tile.image.counted) return true;
      const std::vector<long long> pixels = tile.plan->counted_pixels(*tile.image.counted);
      for (std::size_t layer = 0; layer < pixels.size(); ++layer)
        counts[layer] = counts[layer] || pixels[layer] > 0;
    }
    return std::ranges::all_of(counts, std::identity());
  }

  const BatchTile& at(int tile) const { return tiles_[static_cast<std::size_t>(tile)]; }

  const BatchMeasurer& measurer_;
  const Input& tiles_;
  bool something_counts_ = true;
  Output result_;
};

BatchMeasurer::Output BatchMeasurer::operator()(const Input& tiles, WorkerPool& pool,
                                                const ParallelLoop& loop) const {
  if (tiles.empty()) throw std::invalid_argument("a batch needs at least one image");
  Batch batch(*this, tiles);
  const bool lockstep = pool.capacity() >= batch.count();

  std::vector<WorkerPool::Lease> own;  // in lockstep: each tile's
  if (lockstep) {
    for (int t = 0; t < batch.count(); ++t) own.push_back(pool.lend());
  }
  for (int stage = 0; stage < layers_; ++stage) {
    loop(batch.count(), [&](int tile) {
      WorkerPool::Lease lent;
      if (!lockstep) lent = pool.lend();
      Worker& worker = lockstep ? *own[static_cast<std::size_t>(tile)] : *lent;
      model::LayerMoments known;  // measured again on the way, and not needed again
      if (!lockstep || stage == 0) batch.cut(tile, worker);
      for (int s = lockstep ? stage : 0; s < stage; ++s) batch.compute(s, tile, worker, &known);
      batch.compute(stage, tile, worker, batch.moments(stage, tile));
    });
    batch.conclude(stage);
  }
  return batch.take();
}

model::LayerMoments BatchMeasurer::first_layer(const Input& tiles, WorkerPool& pool,
                                               const ParallelLoop& loop) const {
  std::vector<model::LayerMoments> moments(tiles.size());
  loop(static_cast<int>(tiles.size()), [&](int tile) {
    const auto i = static_cast<std::size_t>(tile);
    const BatchTile& t = tiles[i];
    const WorkerPool::Lease worker = pool.lend();
    cut(t, *worker);
    t.plan->run_stage(0, worker->workspace, *t.weights, nullptr, &moments[i],
                      t.image.counted ? &*t.image.counted : nullptr);
  });
  model::LayerMoments merged;
  for (const model::LayerMoments& each : moments) merged.merge(each);
  return merged;
}

}  // namespace fibflow::nodes
