#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "io/stack.h"
#include "pipeline/options/options.h"

namespace fibflow::pipeline {

/// Voxels by what was predicted and what is true, for one class against all others.
/// A measure whose denominator is 0 is not a number: where nothing is predicted and nothing is there, a
/// segmentation is neither good nor bad, and empty slices must not flatter a mean.
struct Confusion {
  std::int64_t true_positive = 0;
  std::int64_t false_positive = 0;
  std::int64_t false_negative = 0;
  std::int64_t true_negative = 0;

  Confusion& operator+=(const Confusion& other);
  bool operator==(const Confusion&) const = default;

  std::int64_t voxels() const { return true_positive + false_positive + false_negative + true_negative; }
  double iou() const;        ///< TP / (TP + FP + FN), Jaccard's index
  double dice() const;       ///< 2 TP / (2 TP + FP + FN), the F1 score
  double precision() const;  ///< TP / (TP + FP)
  double recall() const;     ///< TP / (TP + FN)
};

/// Which voxels are compared, and which of them are foreground.
struct EvaluationOptions {
  /// Prediction foreground: above this share of its type's maximum (255, 65535; floats as they are).
  /// Without it, every voxel that is not 0. In the truth, every voxel that is not 0 is foreground.
  std::optional<double> threshold;
  /// Foreground is what has this label, in the prediction and in the truth. Excludes threshold.
  std::optional<int> label;
  /// That several values are foreground is meant: they are numbers of objects.
  bool objects = false;
  /// Of the truth. The other stacks are as deep as the truth, or hold just these slices.
  SliceRange slices;
  std::stop_token stop;
  std::function<void(std::int64_t z)> on_slice;  ///< called after each slice, if set
};

/// One foreground class against the rest.
struct Evaluation {
  struct OfSlice {
    std::int64_t z = 0;
    Confusion confusion;
  };

  Confusion whole;
  std::vector<OfSlice> slices;
  /// What makes the numbers doubtful: a prediction with many values that was not thresholded, say.
  std::vector<std::string> remarks;
};

/// Compares a prediction with the truth, slice by slice: memory is that of a slice of each stack, and 40
/// bytes per slice of the result. With a mask, only voxels where it is not 0 count.
///
/// Throws io::Error (bad_data) if the shapes differ or a voxel is NaN, std::invalid_argument if the options
/// make no sense for these stacks, Interrupted if a stop was requested, and what the stacks throw.
Evaluation evaluate(io::Stack& prediction, io::Stack& truth, io::Stack* mask = nullptr,
                    const EvaluationOptions& options = {});

/// Every class against the rest, where voxels are class indices from 0 to 255; class 0 is the background.
struct ClassEvaluation {
  struct OfClass {
    int label = 0;
    Confusion confusion;
  };
  struct OfSlice {
    std::int64_t z = 0;
    double mean_iou = 0;
    double accuracy = 0;
  };

  /// The classes that the prediction or the truth has, by label.
  std::vector<OfClass> classes;
  std::vector<OfSlice> slices;
  std::int64_t voxels = 0;

  double mean_iou() const;                     ///< over `classes`
  double mean_iou_without_background() const;  ///< over `classes` but 0; NaN if there are no others
  double accuracy() const;                     ///< share of voxels that have the right class
};

/// As evaluate(), for all classes at once; options.threshold and options.label must not be set.
/// Throws io::Error (bad_data) also if a voxel is no class index: above 255, or no whole number.
ClassEvaluation evaluate_classes(io::Stack& prediction, io::Stack& truth, io::Stack* mask = nullptr,
                                 const EvaluationOptions& options = {});

}  // namespace fibflow::pipeline
