#pragma once

#include "io/slice.h"
#include "model/statistics/counted_area.h"

namespace fibflow::nodes {

/// Finds where a slice shows something.
///
/// Empty resin shows the noise of the acquisition and nothing else, and that noise is white: averaged over more
/// pixels, its variance falls in proportion. Tissue is the opposite, it has more contrast at coarse scales than at
/// fine ones. So, for windows of 48 x 48 pixels,
///
///     R = 16 · (variance of the means of 8 x 8 pixels) / (variance of the means of 2 x 2 pixels)
///
/// is 1 in resin whatever the noise level, the brightness and the contrast are, and some 5 to 500 in tissue. Both
/// variances leave out what rows and columns have in common, and with it gradients and the curtains of milling;
/// the finer one comes from differences of neighbours, so that tissue can only make R larger. A window is
/// featureless if R <= T: T = (R of the slice's most textured windows)^(1/4), in [2, 4], a quarter of the way
/// from white noise to the texture at hand in logarithms, because filters (alignment, a wide beam) may have
/// coloured the noise a little. What lies in some featureless window is featureless. A constant area is, too.
///
/// If no more than one part in 64 of a slice is left, that is chance, and nothing counts. Slices of less than
/// 48 pixels a side count as a whole. Blocks of 16 x 16 pixels from the corner, as coarse as the pooling grids
/// of usual networks. One sweep over the slice, below one percent of a network's time.
///
/// In:     a slice, any type, no NaN.
/// Out:    what of it counts.
class FeatureFinder {
 public:
  using Input = io::Slice;
  using Output = model::CountedArea;

  static constexpr int block = 16;  ///< side in pixels

  Output operator()(const Input& slice) const;
};

}  // namespace fibflow::nodes
