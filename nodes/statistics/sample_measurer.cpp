#include "nodes/statistics/sample_measurer.h"

#include <numeric>
#include <stdexcept>
#include <utility>

#include "nodes/tiles/stopwatch.h"

namespace fibflow::nodes {

SampleMeasurer::SampleMeasurer(model::Inference inference, std::vector<model::Region> cores,
                               double source_share, int workers, int at_once, ParallelLoop loop)
    : inference_(std::move(inference)),
      cores_(std::move(cores)),
      measurer_(inference_.network(), source_share),
      loop_(std::move(loop)) {
  if (cores_.empty() || at_once < 1) throw std::invalid_argument("nothing is to be measured");
  for (int i = 0; i < at_once; ++i) idle_.push_back(std::make_unique<WorkerPool>(workers));
}

SampleMeasurer::Lease SampleMeasurer::lend() const {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [&] { return !idle_.empty(); });
  WorkerPool* workers = idle_.back().release();
  idle_.pop_back();
  return {workers, [this](WorkerPool* pool) {
            {
              const std::lock_guard give_back(mutex_);
              idle_.emplace_back(pool);
            }
            returned_.notify_one();
          }};
}

BatchMeasurer::Input SampleMeasurer::tiles_of(const PreparedSlice& slice) const {
  BatchMeasurer::Input tiles;
  for (const model::Region& core : cores_)
    tiles.push_back({slice, inference_.plan(core, model::PlanKind::measured), inference_.weights()});
  return tiles;
}

template <typename Measure>
SampleMeasurer::Measured SampleMeasurer::timed(const Measure& measure) const {
  std::vector<double> seconds(cores_.size());
  const ParallelLoop timed_loop = [&](int count, const std::function<void(int)>& body) {
    loop_(count, [&](int tile) {
      const Stopwatch stopwatch;
      body(tile);
      seconds[static_cast<std::size_t>(tile)] += stopwatch.seconds();
    });
  };
  const Lease workers = lend();
  Measured measured;
  measured.moments = measure(*workers, timed_loop);
  measured.seconds = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  return measured;
}

SampleMeasurer::Measured SampleMeasurer::operator()(const PreparedSlice& slice) const {
  return timed([&](WorkerPool& workers, const ParallelLoop& loop) {
    return measurer_(tiles_of(slice), workers, loop).merged;
  });
}

SampleMeasurer::Measured SampleMeasurer::first_layer(const PreparedSlice& slice) const {
  return timed([&](WorkerPool& workers, const ParallelLoop& loop) {
    return model::Moments{{measurer_.first_layer(tiles_of(slice), workers, loop)}};
  });
}

}  // namespace fibflow::nodes
