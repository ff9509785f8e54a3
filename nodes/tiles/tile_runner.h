#pragma once

#include <memory>
#include <span>

#include "model/tile/inference.h"
#include "nodes/intensity/normalizer.h"
#include "nodes/tiles/snapshot.h"
#include "nodes/tiles/worker_pool.h"

namespace fibflow::nodes {

/// Which way the network sees a slice: as it is, or its mirror image left to right, or top to bottom, or both.
struct Mirror {
  bool columns = false;
  bool rows = false;
};

/// Computes the network's output for one tile of a slice: cuts it out and runs the network with what the snapshot says.
/// In:     a slice, the core of a tile, a snapshot, a worker to compute in.
/// Out:    [output channels, core height, core width], in the worker until it is used again; or, of a measured snapshot,
///         the moments of what counts of the core's share of each BatchNorm layer's input.
/// Throws: std::invalid_argument if the core lies outside the slice.
/// Immutable; may be called in parallel, one worker each.
class TileRunner {
 public:
  explicit TileRunner(model::Inference inference);

  /// The output, turned back.
  std::span<const float> predict(const PreparedSlice& image, const model::Region& core,
                                 const Snapshot& snapshot, Worker& worker, Mirror mirror = {}) const;

  /// The moments alone; the snapshot is measured.
  model::Moments measure(const PreparedSlice& image, const model::Region& core, const Snapshot& snapshot,
                         Worker& worker) const;

  const model::Inference& inference() const { return inference_; }

 private:
  std::shared_ptr<const model::TilePlan> run(const PreparedSlice& image, const model::Region& core,
                                             const Snapshot& snapshot, Worker& worker, Mirror mirror,
                                             model::Moments* moments) const;
  std::span<float> read_output(const model::TilePlan& plan, Worker& worker) const;

  model::Inference inference_;
};

}  // namespace fibflow::nodes
