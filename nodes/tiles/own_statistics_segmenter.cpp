#include "nodes/tiles/own_statistics_segmenter.h"

#include <utility>

#include "nodes/tiles/stopwatch.h"

namespace fibflow::nodes {

OwnStatisticsSegmenter::OwnStatisticsSegmenter(model::Inference inference, Classifier classifier,
                                               WorkerPool& workers, ParallelLoop loop)
    : inference_(std::move(inference)),
      measurer_(inference_.network()),
      classifier_(std::move(classifier)),
      workers_(workers),
      loop_(std::move(loop)) {}

OwnStatisticsSegmenter::Output OwnStatisticsSegmenter::operator()(const Input& tiles) const {
  BatchMeasurer::Input batch;
  Output predictions;
  std::vector<double> seconds(tiles.size());
  const ParallelLoop timed_loop = [&](int count, const std::function<void(int)>& body) {
    loop_(count, [&](int tile) {
      const Stopwatch stopwatch;
      body(tile);
      seconds[static_cast<std::size_t>(tile)] += stopwatch.seconds();
    });
  };
  for (const Tile& tile : tiles) {
    batch.push_back(
        {tile.job->prepared, inference_.plan(tile.core, model::PlanKind::measured), inference_.weights()});
    predictions.push_back({tile.order(),
                           tile.z(),
                           tile.index,
                           tile.core,
                           {},
                           nullptr,
                           0,
                           nullptr,
                           tile.job->prepared.featureless()});
  }
  const BatchMoments measured =
      measurer_(batch, workers_, timed_loop, [&](int tile, std::span<const float> output) {
        predictions[static_cast<std::size_t>(tile)].labels = classifier_(output);
      });
  for (std::size_t t = 0; t < tiles.size(); ++t) {
    predictions[t].moments = measured.tiles[t];
    predictions[t].seconds = seconds[t];
  }
  return predictions;
}

}  // namespace fibflow::nodes
