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
  const auto output = runner_.predict(prepared, tile.core, snapshot, *worker);
  Prediction prediction{tile.order(),          tile.z(), tile.index, tile.core, classifier_(output), 0,
                        prepared.featureless()};
  prediction.seconds = stopwatch.seconds();
  return prediction;
}

}  // namespace fibflow::nodes
