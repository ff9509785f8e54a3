#pragma once

#include <string>

#include "io/slice.h"

namespace fibflow::nodes {

struct IntensityMoments;

/// What turns stored voxels into the network's input: scale * voxel + shift.
struct Affine {
  double scale = 1;
  double shift = 0;
  friend bool operator==(const Affine&, const Affine&) = default;
};

/// How intensities are normalized. An intensity is a voxel divided by its type's maximum (255, 65535; floats
/// as they are).
///
///     unit               the intensity itself
///     zscore:MEAN,STD    (intensity - MEAN) / STD with given numbers
///     stack              the same with mean and deviation measured on a sample of the stack's slices
///     slice              the same with mean and deviation of each slice
///     percentile:LO,HI   affine, the slice's LO-th percentile to 0 and its HI-th to 1; values beyond are not
///     clamped
struct Normalization {
  enum class Kind { unit, zscore, stack, slice, percentile };
  Kind kind = Kind::unit;
  double first = 0;   ///< zscore: MEAN; percentile: LO in percent
  double second = 1;  ///< zscore: STD; percentile: HI in percent

  /// Reads the notation above. Throws std::invalid_argument that quotes the text and says what is wrong with
  /// it.
  static Normalization parse(const std::string& text);

  /// The notation above.
  std::string text() const;
  friend bool operator==(const Normalization&, const Normalization&) = default;
};

/// What becomes of area without features (empty resin, black borders) in the statistics.
enum class Featureless {
  counts,    ///< every pixel counts
  left_out,  ///< only what has texture counts
};

/// (intensity - mean) / deviation for voxels of this type. A deviation of 0 (a blank slice) shifts only.
Affine standardize(io::PixelType type, double mean, double deviation);

/// The affine of one slice. measured_stack is used by `stack` only.
/// A blank slice has neither deviation nor percentiles that differ: `slice` and `percentile` then only shift
/// it, so that its pixels become 0.
Affine affine_of(const Normalization& normalization, const io::Slice& slice,
                 const IntensityMoments& measured_stack);

}  // namespace fibflow::nodes
