#pragma once

#include <string>
#include <vector>

namespace fibflow::pipeline {

/// How a training went.
struct TrainingHistory {
  struct Validated {
    double iteration = 0;  ///< iterations done
    double iou = 0;
  };
  std::vector<float> losses;  ///< of each iteration
  std::vector<Validated> validations;
};

/// Draws the loss over the iterations (each of them pale, their running mean dark) and the validation's IoU
/// below it, as a PNG of 960 x 640. The file appears when it is complete; one that exists is replaced. Throws
/// io::Error.
void write_loss_curve(const std::string& path, const TrainingHistory& history);

}  // namespace fibflow::pipeline
