#pragma once

#include <memory>
#include <vector>

#include "io/slice.h"
#include "nodes/intensity/normalization.h"

namespace fibflow::nodes {

/// Gives a stack's voxels the distribution that a network was trained on: what lies at a rank there gets the intensity that
/// lies at this rank in the training, linear in between (Gonzalez and Woods, Digital Image Processing: histogram specification).
/// One rising map for the whole stack, so that slices keep their differences. Immutable; may be called in parallel.
class GrayMap {
 public:
  /// Changes nothing.
  GrayMap() = default;

  /// stack: quantiles of the stack's voxels; training: as many of the training's intensities; both rising. Beyond the outermost
  /// ones the map goes on with its mean slope. A voxel of another value stays in its type and range: integers are rounded to
  /// the nearest, and end with their type. Throws std::invalid_argument if the quantiles do not fit.
  GrayMap(io::PixelType type, const IntensityRange& range, const std::vector<double>& stack,
          const std::vector<double>& training);

  bool changes_nothing() const { return !knots_; }

  /// A voxel's value, before it is rounded.
  double operator()(double voxel) const;

  /// The slice, and its neighbours. Throws std::logic_error if it is of another type.
  io::Slice operator()(const io::Slice& slice) const;

 private:
  struct Knots {
    io::PixelType type;
    IntensityRange range;
    std::vector<double> from;  // intensities, strictly rising
    std::vector<double> to;
    double slope = 1;                  // beyond
    std::vector<std::uint16_t> table;  // of integers: by voxel

    double mapped(double voxel) const;
  };
  io::Slice of_one(const io::Slice& slice) const;

  std::shared_ptr<const Knots> knots_;
};

}  // namespace fibflow::nodes
