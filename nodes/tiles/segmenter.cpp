#include "nodes/tiles/segmenter.h"

#include <utility>

#include "nodes/tiles/stopwatch.h"
#include "nodes/tiles/tile_cutter.h"

namespace fibflow::nodes {

Segmenter::Segmenter(model::Inference inference, Classifier classifier, WorkerPool& workers)
    : inference_(std::move(inference)), classifier_(classifier), workers_(workers) {}

Segmenter::Output Segmenter::operator()(const Input& tile) const {
  const PreparedSlice& prepared = tile.job->prepared;
  const Snapshot& snapshot = tile.job->snapshot;
  const auto plan = inference_.plan(tile.core, snapshot.kind);
  const auto worker = workers_.lend();
  const Stopwatch stopwatch;
  cut_tile(prepared.slice, prepared.affine, plan->input_region(), inference_.network().input_channels(),
           plan->input(worker->workspace));

  Prediction prediction{tile.order(),          tile.z(), tile.index, tile.core, {}, nullptr, 0, nullptr,
                        prepared.featureless()};
  if (snapshot.state == SliceState::monitored) prediction.prepared = {tile.job, &prepared};
  if (snapshot.kind == model::PlanKind::measured) {
    auto moments = std::make_shared<model::Moments>();
    plan->run(worker->workspace, *snapshot.weights, snapshot.statistics.get(), moments.get(),
              prepared.counted ? &*prepared.counted : nullptr);
    prediction.moments = std::move(moments);
  } else {
    plan->run(worker->workspace, *snapshot.weights, nullptr, nullptr);
  }

  worker->output.resize(static_cast<std::size_t>(tile.core.area()) *
                        static_cast<std::size_t>(inference_.network().output_channels()));
  plan->read_output(worker->workspace, worker->output);
  prediction.labels = classifier_(worker->output);
  prediction.seconds = stopwatch.seconds();
  return prediction;
}

}  // namespace fibflow::nodes
