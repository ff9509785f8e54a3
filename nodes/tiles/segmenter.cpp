#include "nodes/tiles/segmenter.h"

#include <cstddef>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "nodes/tiles/stopwatch.h"

namespace fibflow::nodes {

Segmenter::Segmenter(model::Inference inference, Classifier classifier, WorkerPool& workers, int copies)
    : runner_(std::move(inference)), classifier_(std::move(classifier)), workers_(workers), copies_(copies) {
  if (copies != 1 && copies != 2 && copies != 4)
    throw std::invalid_argument("a tile is seen 1, 2 or 4 times");
}

Labels Segmenter::labels_of(const Tile& tile, Worker& worker) const {
  const auto output = [&](Mirror mirror) {
    return runner_.predict(tile.job->prepared, tile.core, tile.job->snapshot, worker, mirror);
  };
  if (copies_ == 1) return classifier_(output({}));
  constexpr Mirror mirrors[] = {{false, false}, {true, false}, {false, true}, {true, true}};
  std::vector<float> mean;
  for (const Mirror mirror : std::span(mirrors).first(static_cast<std::size_t>(copies_))) {
    const std::span<const float> one = output(mirror);
    mean.resize(one.size());
    for (std::size_t i = 0; i < one.size(); ++i) mean[i] += one[i] / static_cast<float>(copies_);
  }
  return classifier_(mean);
}

Segmenter::Output Segmenter::operator()(const Input& tile) const {
  const PreparedSlice& prepared = tile.job->prepared;

  const auto worker = workers_.lend();
  const Stopwatch stopwatch;
  Prediction prediction{tile.order(),          tile.z(), tile.index, tile.core, labels_of(tile, *worker), 0,
                        prepared.featureless()};
  prediction.seconds = stopwatch.seconds();
  return prediction;
}

}  // namespace fibflow::nodes
