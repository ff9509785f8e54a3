#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nodes/intensity/normalization.h"
#include "nodes/tiles/parallel_loop.h"
#include "pipeline/train/labelled_slices.h"

namespace fibflow::pipeline {

/// How well a network segments labelled slices.
struct ValidationScore {
  /// The foreground's IoU at a threshold of 0.5; with more than two classes the mean over those, but the
  /// background, that the slices have.
  double iou = 0;
  double best_threshold =
      0.5;              ///< of 0.05, 0.1, …, 0.95, the one with the largest IoU; 0.5 with more classes
  double best_iou = 0;  ///< at that threshold
};

/// Segments slices with a network as `segment` would without adapting it, in tiles of 1024, and compares with
/// their labels.
class Validator {
 public:
  /// slices outlive the validator, and have foreground. workers: tiles at once, at most.
  Validator(LabelledSlices& slices, const nodes::Affine& affine, nodes::ParallelLoop loop, int workers);

  /// onnx: a network with one output for two classes, else one for each.
  ValidationScore score(const std::string& onnx);

 private:
  LabelledSlices& slices_;
  nodes::Affine affine_;
  nodes::ParallelLoop loop_;
  int workers_;
};

}  // namespace fibflow::pipeline
