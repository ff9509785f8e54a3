#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "io/stack.h"
#include "model/training/loss.h"
#include "model/training/schedule.h"
#include "nodes/intensity/normalization.h"
#include "pipeline/flow/run_hooks.h"
#include "pipeline/options/options.h"
#include "pipeline/train/patch_sampler.h"

namespace fibflow::pipeline {

/// How long a training takes; exactly one is set.
struct TrainingLength {
  std::optional<std::int64_t> iterations;  ///< batches, at least 1
  std::optional<double> epochs;            ///< above 0; one epoch has as many voxels as the training slices
  std::optional<double> seconds;           ///< above 0; then the result depends on the machine's speed
};

/// What is trained, and how. All of it decides the result; threads do not.
struct TrainingOptions {
  int channels = 16;  ///< of the first level, 1 to 256
  int depth = 4;      ///< poolings, 1 to 8
  int classes = 2;    ///< 2: one output, labels 0 and 255; more: as many outputs, labels are class indices
  Foreground foreground = Foreground::labels;  ///< nonzero: with 2 classes only
  PatchOptions patches;
  TrainingLength length;
  model::LossOptions loss;
  double learning_rate = 3e-3;  ///< at its peak, above 0
  model::Schedule schedule = model::Schedule::one_cycle;
  double weight_decay = 0;  ///< of AdamW; 0 is Adam
  /// Share of the stack's last slices that are kept for validation, at least one slice; 0: none. Not used if
  /// there are stacks for validation.
  double validation = 0.15;
  int validations = 20;  ///< evenly over the training, the last one at its end
};

/// What a training reads.
struct TrainingInput {
  io::Stack& images;
  io::Stack& labels;
  io::Stack* validation_images = nullptr;  ///< both or none
  io::Stack* validation_labels = nullptr;
};

/// What a training writes.
struct TrainingOutput {
  std::string model;       ///< ONNX
  std::string checkpoint;  ///< while the training runs; empty: none
  std::string curve;       ///< PNG; empty: none
  bool overwrite = false;  ///< model and curve may exist already
  /// Goes on from the checkpoint; without it, the checkpoint may exist only if overwrite is set.
  bool resume = false;
  double checkpoint_seconds = 120;  ///< from one checkpoint to the next
};

/// What became of it.
struct TrainingOutcome {
  std::int64_t iterations = 0;
  double seconds = 0;      ///< that batches and validations took, over all runs
  float last_loss = 0;     ///< mean over the last twentieth of the iterations
  bool validated = false;  ///< what follows is known
  double iou = 0;          ///< of the network that was written, at a threshold of 0.5
  double threshold = 0.5;  ///< that was written
  double iou_at_threshold = 0;
  std::int64_t best_iteration = 0;  ///< of the network that was written
  nodes::Normalization normalization;
};

/// Trains a U-Net on labelled slices and writes it as ONNX with its normalization, threshold, voxel size and
/// provenance ("fibflow.*" metadata): that of the validation with the best IoU, or the last one without
/// validation.
///
/// The model appears when the training is complete. If hooks.stop asks it to end, the checkpoint is brought up to
/// date and Interrupted thrown; a training that goes on from it ends with the same bytes as one that was never
/// interrupted (if its length is not in seconds). A completed training removes its checkpoint.
///
/// Hooks: the phases are "read" (slices) and "train" (iterations; its size is in seconds if the length is).
///
/// Throws std::invalid_argument for options that make no sense for these stacks (also if the loss diverges),
/// io::Error for stacks that cannot be used or files that cannot be written, Interrupted.
TrainingOutcome train(const TrainingInput& input, const TrainingOptions& options,
                      const TrainingOutput& output, int threads, const RunHooks& hooks);

}  // namespace fibflow::pipeline
