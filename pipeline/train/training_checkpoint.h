#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "pipeline/pictures/loss_curve.h"

namespace fibflow::pipeline {

/// All that a training needs to go on as if it had never stopped: a durable state (pipeline/state/durable_state.h), bound to
/// the kind of machine that made it (byte order) and to fibflow's version. It is a safety net, not a model format.
struct TrainingCheckpoint {
  nlohmann::ordered_json setting;  ///< what the training depends on: it goes on only with the same
  double seconds = 0;              ///< that the training has taken so far
  TrainingHistory history;
  std::string trainer;  ///< model::Trainer::state()
  std::string best;     ///< values of the best network so far, as bytes; empty if there is none
  double best_iou = 0;
  double best_threshold = 0.5;
  double best_iou_at_threshold = 0;
  std::int64_t best_iteration = 0;

  /// Replaces it. Throws io::Error.
  void write(const std::string& path) const;

  /// Throws io::Error: missing if there is none, bad_data if it is damaged or another kind of file. refusal: gets why an
  /// older generation was taken, if so.
  static TrainingCheckpoint read(const std::string& path, std::string& refusal);

  /// Whether there is one, whole or not; and removes it. Throws io::Error.
  static bool exists(const std::string& path);
  static void remove(const std::string& path);
};

}  // namespace fibflow::pipeline
