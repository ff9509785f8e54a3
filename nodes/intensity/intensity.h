#pragma once

#include <stdexcept>

#include "io/slice.h"

namespace fibflow::nodes {

/// A slice that cannot be segmented: a pixel is not a number, or it has another size than the others.
class BadSlice : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What a voxel is divided by to become an intensity: 255, 65535, 1.
double full_scale(io::PixelType type);

/// First and second moments of intensities.
struct IntensityMoments {
  double count = 0;
  double mean = 0;
  double squares = 0;  ///< sum of squared deviations from the mean

  void merge(const IntensityMoments& other);
  double deviation() const;  ///< population standard deviation; 0 without voxels
};

IntensityMoments measure_intensity(const io::Slice& slice);

/// The percentile (0 … 100) of a slice's intensities, linear between the two nearest ranks.
double intensity_percentile(const io::Slice& slice, double percent);

/// Throws BadSlice with row and column of the first NaN or infinity of a float slice.
void require_finite(const io::Slice& slice);

}  // namespace fibflow::nodes
