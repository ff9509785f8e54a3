#pragma once

#include <cstdint>

#include "model/region.h"
#include "nodes/intensity/normalizer.h"
#include "nodes/tiles/classifier.h"

namespace fibflow::nodes {

/// What became of one tile. A light handle: the arrays are shared.
struct Prediction {
  std::int64_t order = 0;  ///< of the slice in the run
  std::int64_t z = 0;      ///< of the slice in the stack
  int tile = 0;            ///< in the grid
  model::Region core;
  Labels labels;           ///< [core height, core width]
  double seconds = 0;      ///< of work on it, on one thread
  double featureless = 0;  ///< share of the slice's pixels that do not count in moments
};

}  // namespace fibflow::nodes
