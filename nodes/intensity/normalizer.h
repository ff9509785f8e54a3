#pragma once

#include <cstdint>
#include <optional>

#include "io/slice.h"
#include "nodes/intensity/feature_finder.h"
#include "nodes/intensity/intensity.h"
#include "nodes/intensity/normalization.h"

namespace fibflow::nodes {

/// A slice and its place in the run: 0, 1, 2, … in the order of processing, whatever its z is.
struct OrderedSlice {
  std::int64_t order = 0;
  io::Slice slice;
};

/// A slice with what turns its voxels into the network's input. The voxels stay as small as they came; the
/// affine is applied while a tile is cut.
struct PreparedSlice {
  std::int64_t order = 0;
  io::Slice slice;
  Affine affine;
  std::optional<model::CountedArea> counted = {};  ///< what counts in moments; empty: all of it

  /// The share of the slice's pixels that do not count.
  double featureless() const { return counted ? 1 - counted->share() : 0; }
};

/// Finds the intensity normalization of a slice, and what of it counts in moments.
/// In:     OrderedSlice.
/// Out:    PreparedSlice.
/// Throws: BadSlice if a pixel is not a number.
class Normalizer {
 public:
  using Input = OrderedSlice;
  using Output = PreparedSlice;

  /// range: of the stack's voxels. measured_stack: the moments of the sampled slices' voxels, for
  /// Normalization::Kind::stack; throws std::invalid_argument if they are all the same, which leaves nothing to divide by.
  Normalizer(Normalization normalization, IntensityRange range, IntensityMoments measured_stack = {},
             Featureless featureless = Featureless::counts);

  Output operator()(const Input& input) const;

 private:
  Normalization normalization_;
  IntensityRange range_;
  IntensityMoments measured_stack_;
  Featureless featureless_;
};

}  // namespace fibflow::nodes
