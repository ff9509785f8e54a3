#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "model/tile/inference.h"

namespace fibflow::nodes {

/// What one worker computes in.
struct Worker {
  model::Workspace workspace;
  std::vector<float> output;  ///< [output channels, core height, core width] of the tile at hand
};

/// Lends workers, so that memory is bounded by their number and is reused from tile to tile. Thread-safe.
class WorkerPool {
 public:
  /// At most `capacity` workers are ever made. Throws std::invalid_argument if that is less than one.
  explicit WorkerPool(int capacity);

  /// Gives the worker back when it is destroyed.
  using Lease = std::unique_ptr<Worker, std::function<void(Worker*)>>;

  /// The most recently returned worker, whose memory is still in cache. Waits while all are lent: one who
  /// holds a worker must be able to give it back without getting another, unless the pool has all that he needs
  /// and nobody else does the same.
  Lease lend();

  int capacity() const { return capacity_; }

 private:
  const int capacity_;
  std::mutex mutex_;
  std::condition_variable returned_;
  int made_ = 0;                               // guarded by mutex_
  std::vector<std::unique_ptr<Worker>> idle_;  // guarded by mutex_
};

}  // namespace fibflow::nodes
