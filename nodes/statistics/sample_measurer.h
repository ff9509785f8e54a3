#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "model/region.h"
#include "model/statistics/statistics.h"
#include "model/tile/inference.h"
#include "nodes/intensity/normalizer.h"
#include "nodes/tiles/batch_measurer.h"
#include "nodes/tiles/parallel_loop.h"
#include "nodes/tiles/worker_pool.h"

namespace fibflow::nodes {

/// Measures a sample of a slice in `batch` mode: some cores of it, together, each with its true surroundings. What comes out
/// depends on the slice, the model, the cores and the source share, and on nothing else: not on other slices, threads or
/// memory. Thread-safe.
class SampleMeasurer {
 public:
  struct Measured {
    model::Moments moments;  ///< of what counts, of each layer; incomplete if nothing does
    double seconds = 0;      ///< of work, on one thread
  };

  /// cores: of the slice, disjoint. source_share: in what normalizes, as BatchMeasurer. workers: for one slice; fewer than cores
  /// cost time (BatchMeasurer). at_once: slices. The loop runs over the cores of one slice. Throws std::invalid_argument if the
  /// network has no BatchNorm layer, or a number is not positive.
  SampleMeasurer(model::Inference inference, std::vector<model::Region> cores, double source_share,
                 int workers, int at_once, ParallelLoop loop);

  /// Waits while `at_once` slices are being measured.
  Measured operator()(const PreparedSlice& slice) const;

  /// The first layer alone; incomplete if nothing counts there.
  Measured first_layer(const PreparedSlice& slice) const;

 private:
  /// The workers of one slice at a time: two slices that shared them could wait for each other.
  using Lease = std::unique_ptr<WorkerPool, std::function<void(WorkerPool*)>>;
  Lease lend() const;
  BatchMeasurer::Input tiles_of(const PreparedSlice& slice) const;
  template <typename Measure>
  Measured timed(const Measure& measure) const;

  model::Inference inference_;
  std::vector<model::Region> cores_;
  BatchMeasurer measurer_;
  ParallelLoop loop_;
  mutable std::mutex mutex_;
  mutable std::condition_variable returned_;
  mutable std::vector<std::unique_ptr<WorkerPool>> idle_;  // guarded by mutex_
};

}  // namespace fibflow::nodes
