#pragma once

#include <vector>

#include "nodes/tiles/batch_measurer.h"
#include "nodes/tiles/classifier.h"
#include "nodes/tiles/prediction.h"
#include "nodes/tiles/tiler.h"

namespace fibflow::nodes {

/// Segments a whole slice normalized with its own statistics (`batch` mode): the running statistics and the
/// source have no say. In:     all tiles of a slice, as the Tiler makes them. Out:    their predictions with
/// their moments, in the same order. Uses:   workers of the pool as BatchMeasurer does.
class OwnStatisticsSegmenter {
 public:
  using Input = std::vector<Tile>;
  using Output = std::vector<Prediction>;

  OwnStatisticsSegmenter(model::Inference inference, Classifier classifier, WorkerPool& workers,
                         ParallelLoop loop);

  Output operator()(const Input& tiles) const;

 private:
  model::Inference inference_;
  BatchMeasurer measurer_;
  Classifier classifier_;
  WorkerPool& workers_;
  ParallelLoop loop_;
};

}  // namespace fibflow::nodes
