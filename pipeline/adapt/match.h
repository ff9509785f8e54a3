#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/slice.h"
#include "model/tile/network.h"
#include "nodes/scale/resampler.h"
#include "pipeline/options/resolved_options.h"

namespace fibflow::pipeline {

/// How much of the source is in the statistics, and where it enters.
struct SourceShares {
  double measuring = 0.25;  ///< in what normalizes while a sample is measured
  double used = 0.25;       ///< in what slices are segmented with

  friend bool operator==(const SourceShares&, const SourceShares&) = default;
};

/// One way to match a stack to a model, and what the network then makes of the windows that are looked at.
struct MatchCandidate {
  nodes::Scale scale;
  SourceShares shares;
  double expected_iou =
      0;                  ///< nodes::ExpectedOverlap, of all windows together; 0 where nothing is foreground
  double foreground = 0;  ///< share of pixels
  double diameter =
      0;  ///< of objects, as the network sees them, in pixels (nodes::ObjectSize); 0 without foreground
};

/// How a stack is matched to a model: what BatchNorm cannot correct.
struct Match {
  nodes::Scale scale;
  SourceShares shares;
  std::string from = "default";  ///< the scale: "option", "model", "voxel size", "expected IoU", "default"
  std::vector<MatchCandidate>
      candidates;  ///< that were looked at, in that order; none if there was nothing to choose
};

/// How far a share or a size is from that of the training: |log| of their ratio, where nothing at all counts as a millionth.
double log_distance(double value, double of_training);

/// Share of the foreground in the training labels ("fibflow.foreground"); nothing if the model does not know it.
std::optional<double> trained_foreground(const model::Network& network);

/// The ratio of a stack's voxels to those of the training, as the scale at which things have the size they had there; nothing
/// if one of them is not known. A direction that is off by less than 5 % stays as it is.
std::optional<nodes::Scale> stated_scale(const model::Network& network, const io::VoxelSize& voxel_nm);

/// The match without looking at any slice: what was said, what the model says, or the ratio of voxel sizes; and the share within.
Match stated_match(const model::Network& network, const ResolvedOptions& options,
                   const io::VoxelSize& voxel_nm);

/// What makes it doubtful that the network knows what it is shown, as a sentence with both sizes; nothing if they are alike, or not
/// known: pixels that are more than 1.5 times as large or as small as those of the training, though the stack was not scaled by
/// their ratio; or, of a network that gets neighbouring slices, slices that are so much thicker or thinner.
std::optional<std::string> voxel_doubt(const model::Network& network, const ResolvedOptions& options,
                                       const Match& match, const io::VoxelSize& voxel_nm);

/// "scale 0.5 (expected IoU 0.790; 0.738 at 1)".
std::string one_line(const Match& match);

/// "0.5", or "0.5 x 0.25" (y, x).
std::string spoken(const nodes::Scale& scale);

}  // namespace fibflow::pipeline
