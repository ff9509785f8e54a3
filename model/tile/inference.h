#pragma once

#include <cstddef>
#include <memory>

#include "model/region.h"
#include "model/statistics/statistics.h"
#include "model/tile/network.h"
#include "model/tile/tile_plan.h"

namespace fibflow::model {

/// The network's weights, in the layout the kernels read. Immutable and shared between plans.
class Weights;

/// A network made ready for slices of one size. Immutable for callers; every member may be called in
/// parallel.
class Inference {
 public:
  /// Throws ModelError that names the node if the network cannot take slices of this size even when they are
  /// extended by mirroring to the next size that fits.
  Inference(Network network, int height, int width);

  /// The same with a given number of rows and columns more instead of the smallest that fits.
  Inference(Network network, int height, int width, int more_rows, int more_columns);

  const Network& network() const;
  int height() const;
  int width() const;

  /// How far slices are extended for this network.
  Extension extension() const;

  /// Tiles whose core begins at multiples of this are congruent in the slice's interior and share their
  /// primitives.
  int alignment() const;

  /// The plan for one tile. core must lie in the slice. Congruent tiles share one compiled plan.
  std::shared_ptr<const TilePlan> plan(const Region& core, PlanKind kind) const;

  /// What plan() would need, to the byte, without compiling it.
  struct Cost {
    std::size_t workspace_bytes = 0;
    double multiply_adds = 0;
  };
  Cost cost(const Region& core, PlanKind kind) const;

  /// Weights for measured plans; made once.
  std::shared_ptr<const Weights> weights() const;

  /// Weights with the statistics folded in, for frozen plans; each call makes a new copy of the weights.
  std::shared_ptr<const Weights> freeze(const Statistics& statistics) const;

  /// Bytes of one copy of the weights.
  std::size_t weights_bytes() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace fibflow::model
