#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/slice.h"
#include "nodes/intensity/intensity.h"

namespace fibflow::nodes {

/// The intensities of some of a stack's slices, in the voxels' own unit: what is needed to see how they are meant.
///
/// A border that alignment has filled with one value says nothing about the tissue, and may be half of a slice. So the
/// moments and the distribution leave out the lowest or the highest value if it alone makes more than a twentieth of the
/// pixels.
class IntensitySample {
 public:
  /// Throws BadSlice if a pixel is not a number.
  void add(const io::Slice& slice);

  bool empty() const { return moments_.count == 0; }
  double lowest() const { return lowest_; }
  double highest() const { return highest_; }

  /// Of all voxels.
  const IntensityMoments& moments() const { return moments_; }
  /// Without a filled border.
  IntensityMoments moments_of_tissue() const;

  /// `count` voxel values that the tissue has equally often between each two, in rising order: the quantiles
  /// (i + 1/2) / count. Of at most 65,536 voxels per slice, on a fixed lattice.
  std::vector<double> quantiles(int count) const;

  /// Shares of the pixels in equal bins of the intensities 0 to 1, in parts of a million; what lies beyond is in the first
  /// and last one.
  std::vector<std::int64_t> histogram(const IntensityRange& range, int bins) const;

 private:
  std::vector<double> tissue() const;

  IntensityMoments moments_;
  double lowest_ = 0;
  double highest_ = 0;
  std::vector<float> voxels_;
};

}  // namespace fibflow::nodes
