#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "model/statistics/statistics.h"
#include "nodes/intensity/normalizer.h"
#include "nodes/statistics/sample_measurer.h"

namespace fibflow::nodes {

/// What was measured of a slice.
struct SliceSample {
  std::int64_t order = 0;  ///< of the slice
  PreparedSlice slice;     ///< itself, to be measured out of its turn
  std::shared_ptr<const model::Moments>
      moments;         ///< of all layers, or of the first one; null if nothing is measured
  bool due = false;    ///< of all
  double seconds = 0;  ///< of measuring, on one thread
};

/// Measures each slice whose turn it is: the last one of each `every`. Of the others the first layer is measured, which is
/// where a change of intensities, focus or noise shows first.
/// In:     PreparedSlice.
/// Out:    SliceSample.
/// Thread-safe.
class Sampler {
 public:
  using Input = PreparedSlice;
  using Output = SliceSample;

  /// every: 0: none. The measurer outlives the node; it may be null if none is measured.
  Sampler(const SampleMeasurer* measurer, int every) : measurer_(measurer), every_(every) {}

  Output operator()(const Input& slice) const;

  bool is_due(std::int64_t order) const { return every_ > 0 && (order + 1) % every_ == 0; }

 private:
  const SampleMeasurer* measurer_;
  int every_;
};

}  // namespace fibflow::nodes
