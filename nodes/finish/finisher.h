#pragma once

#include <tuple>
#include <vector>

#include "nodes/finish/neighbours.h"
#include "nodes/scale/resampler.h"
#include "nodes/tiles/layer.h"

namespace fibflow::nodes {

/// What lies between the network's probabilities and what is written.
struct Finishing {
  /// Width of the Gauss curve that weighs the probabilities of neighbouring slices, in slices; 0: each slice stands alone.
  double smoothing = 0;
  GridSize network;  ///< the slices as the network sees them
  GridSize stack;    ///< and as they are written

  /// Slices on each side that still count: the width, rounded up. What lies beyond has no weight.
  int reach() const;
  /// Of the slices at a distance of 0, 1, … up to the reach: exp(-d²/2σ²). Where the stack ends, those that are there share
  /// the weight.
  std::vector<double> weights() const;
  /// What the network gives is written as it is.
  bool is_nothing() const { return smoothing == 0 && network == stack; }
};

/// What has to be kept of the network's output, for each pixel of its grid, so that a format can be made of it in the end: the
/// format itself if nothing lies between; else probabilities in 16 bits, of the foreground, or of each of three and more
/// classes.
PredictionFormat format_of_network(const PredictionFormat& format, int channels, const Finishing& finishing);

/// Smooths probabilities over neighbouring slices, brings them to the stack's grid, and makes masks of them.
/// In:     Neighbourhood of slices as format_of_network() asks for.
/// Out:    the slice in the middle, in the format, on the stack's grid; and what its sample led to.
/// Immutable; may be called in parallel.
class Finisher {
 public:
  using Input = Neighbourhood;
  using Output = std::tuple<SegmentedSlice, Neighbourhood>;

  /// channels: of the network's output.
  Finisher(Finishing finishing, PredictionFormat format, int channels);

  Output operator()(const Input& around) const;

 private:
  SegmentedSlice finished(const Neighbourhood& around) const;

  Finishing finishing_;
  PredictionFormat format_;
  int channels_;
  Resampler to_stack_;
  std::vector<double> weights_;
};

}  // namespace fibflow::nodes
