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

/// The voxel values that stand for the intensities 0 and 1. White below black: the contrast is inverted.
struct IntensityRange {
  double black = 0;
  double white = 1;

  /// All that a type can hold: 0 to 255, 0 to 65535; for floats 0 to 1.
  static IntensityRange of(io::PixelType type);

  IntensityRange inverted() const { return {white, black}; }
  bool is_inverted() const { return white < black; }
  double intensity_of(double voxel) const { return (voxel - black) / (white - black); }
  std::string text() const;  ///< "0 to 4095"
  friend bool operator==(const IntensityRange&, const IntensityRange&) = default;
};

/// How intensities are normalized. An intensity is where a voxel lies in its range (IntensityRange): 0 is black, 1 is
/// white. Usually that is the voxel divided by its type's maximum (255, 65535; floats as they are).
///
///     unit               the intensity itself
///     zscore:MEAN,STD    (intensity - MEAN) / STD with given numbers. Numbers above 1 cannot be meant so: they are gray
///                        levels, see gray_levels()
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

  /// What the numbers of a zscore are measured in: 1 for intensities; 255, 4095 or 65535, the smallest that they fit, for
  /// gray levels of images of 8, 12 or 16 bits.
  double gray_levels() const;
  /// The same rule with numbers that are intensities.
  Normalization of_intensities() const;
  friend bool operator==(const Normalization&, const Normalization&) = default;
};

/// What becomes of area without features (empty resin, black borders) in the statistics.
enum class Featureless {
  counts,    ///< every pixel counts
  left_out,  ///< only what has texture counts
};

/// (intensity - mean) / deviation, for intensities of that range. A deviation of 0 (a blank slice) shifts only.
Affine standardize(const IntensityRange& range, double mean, double deviation);

/// The affine of one slice. measured_stack: the moments of the stack's voxels; used by `stack` only.
/// A blank slice has neither deviation nor percentiles that differ: `slice` and `percentile` then only shift
/// it, so that its pixels become 0.
Affine affine_of(const Normalization& normalization, const IntensityRange& range, const io::Slice& slice,
                 const IntensityMoments& measured_stack);

}  // namespace fibflow::nodes
