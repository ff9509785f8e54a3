#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/slice.h"
#include "nodes/intensity/intensity_sample.h"
#include "nodes/intensity/normalization.h"

namespace fibflow::nodes {

/// The intensities that a network was trained on.
struct SourceIntensities {
  double mean = 0;
  double deviation = 1;
  std::vector<double> quantiles =
      {};  ///< (i + 1/2) / their number, rising; none if only the moments are known
};

/// How a stack's voxels are stored.
struct StoredVoxels {
  io::PixelType type = io::PixelType::u8;
  /// The voxel that stands for the stored 0: 32768 for signed 16-bit, whose values are moved up to be read; else 0.
  double zero = 0;
  int bits = 0;  ///< that a stored value has, if the file says so and they do not fill the type; else 0

  /// What the file itself says.
  IntensityRange range() const;
};

/// How a stack's voxels are to be read.
struct IntensityMatch {
  enum class From {
    type,      ///< as the type or the file says
    option,    ///< as the user says
    measured,  ///< another number of bits: that of what is there
    matched,   ///< so that mean and deviation are those of the source
  };
  IntensityRange range;
  From from = From::type;
  std::vector<std::string> remarks = {};   ///< what was chosen, as sentences
  std::vector<std::string> warnings = {};  ///< what is not clear, and which option decides it
};

const char* name_of(IntensityMatch::From from);

/// Who decides.
struct IntensityWishes {
  Normalization normalization;
  bool normalization_is_given = false;  ///< by the user: then it is not replaced, only doubted
  std::optional<IntensityRange> range = {};
  bool inverted = false;
  bool any_gray_levels = false;  ///< they are matched afterwards, and need not be like the source's
};

/// Finds how a stack's intensities are meant, from a sample of them and from what the network was trained on (if that is
/// known).
///
/// Rules that are fractions of the full scale (unit, zscore) need to know it: voxels of 12 bits are kept in 16, gray levels
/// in floats. A range *fits* the source if the stack's mean lies in it within 1.25 deviations of the source's, and its
/// deviation is 0.4 to 2.5 times the source's. The file's own range stays if it fits; else the nearest one of the usual
/// ranges (8, 10, 12, 14, 16 bits) that fits and holds the sample; else, if the file's own is wrong by more than 2
/// deviations or a factor of 4, voxels are read so that their mean and deviation are those of the source: no full scale
/// makes sense of them. Signed voxels have no full scale of their own, so that a range must fit closely (0.5 and 1.5).
/// Without a known source the range is that of the fewest bits (8, 10, 12, 16) that hold the sample.
///
/// Contrast seems inverted if the distribution mirrored is at most 0.4 times as far from the source's as it is: their distance
/// is Wasserstein's first, in deviations of the source, and must be above 0.15. On seven acquisitions against each other
/// this never fired (49 pairs), nor on 16 synthetic cells of the other fixation, and it found each one that was inverted itself.
IntensityMatch match_intensities(const IntensitySample& sample, const StoredVoxels& stored,
                                 const IntensityWishes& wishes,
                                 const std::optional<SourceIntensities>& source);

}  // namespace fibflow::nodes
