#include "nodes/tiles/segmenter.h"

#include <utility>

#include "nodes/tiles/stopwatch.h"

namespace fibflow::nodes {

Segmenter::Segmenter(model::Inference inference, Classifier classifier, WorkerPool& workers)
    : runner_(std::move(inference)), classifier_(std::move(classifier)), workers_(workers) {}

Segmenter::Output Segmenter::operator()(const Input& tile) const {
  const PreparedSlice& prepared = tile.job->prepared;
  const Snapshot& snapshot = tile.job->snapshot;
  const auto worker = workers_.lend();
  const Stopwatch stopwatch;
  const TileRunner::Result result = runner_(prepared, tile.core, snapshot, *worker);
  Prediction prediction{tile.order(),
                        tile.z(),
                        tile.index,
                        tile.core,
                        classifier_(result.output),
                        result.moments,
                        0,
                        nullptr,
                        prepared.featureless()};
  if (snapshot.state == SliceState::monitored) prediction.prepared = {tile.job, &prepared};
  prediction.seconds = stopwatch.seconds();
  return prediction;
}

}  // namespace fibflow::nodes
