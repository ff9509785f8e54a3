#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "pipeline/pictures/loss_curve.h"

namespace fibflow::pipeline {

/// All that a training needs to go on as if it had never stopped. A file of it is bound to the kind of machine
/// that made it (byte order) and to fibflow's version; it is a safety net, not a model format.
struct TrainingCheckpoint {
  std::string setting;  ///< what the training depends on, as JSON: it goes on only with the same
  double seconds = 0;   ///< that the training has taken so far
  TrainingHistory history;
  std::string trainer;  ///< model::Trainer::state()
  std::string best;     ///< values of the best network so far, as bytes; empty if there is none
  double best_iou = 0;
  double best_threshold = 0.5;
  double best_iou_at_threshold = 0;
  std::int64_t best_iteration = 0;

  /// Replaces the file, which appears when it is complete. Throws io::Error.
  void write(const std::string& path) const;

  /// Throws io::Error: missing if there is no such file, bad_data if it is damaged or another kind of file.
  static TrainingCheckpoint read(const std::string& path);
};

/// Throws std::invalid_argument that names the first difference between two settings.
void require_same_setting(const std::string& path, const std::string& in_checkpoint,
                          const std::string& wanted);

}  // namespace fibflow::pipeline
