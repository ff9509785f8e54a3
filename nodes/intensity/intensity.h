#pragma once

#include <stdexcept>
#include <string>

#include "io/slice.h"
#include "nodes/intensity/normalization.h"

namespace fibflow::nodes {

/// A slice that cannot be segmented: a pixel is not a number, or it has another size than the others.
class BadSlice : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// First and second moments, of voxels or of intensities.
struct IntensityMoments {
  double count = 0;
  double mean = 0;
  double squares = 0;  ///< sum of squared deviations from the mean

  void merge(const IntensityMoments& other);
  double deviation() const;  ///< population standard deviation; 0 without voxels

  /// Of the intensities of voxels with these moments.
  IntensityMoments in(const IntensityRange& range) const;
};

/// Of a slice's voxels, in their own unit.
IntensityMoments measure_voxels(const io::Slice& slice);

/// The percentile (0 … 100) of a slice's voxels, in their own unit, linear between the two nearest ranks.
double voxel_percentile(const io::Slice& slice, double percent);

/// Throws BadSlice unless the slice has the height and width of the stack.
void require_size(const io::Slice& slice, int height, int width);

/// Throws BadSlice with row and column of the first NaN or infinity of a float slice.
void require_finite(const io::Slice& slice);

}  // namespace fibflow::nodes
