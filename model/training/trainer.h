#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include "model/training/adam.h"
#include "model/training/training_graph.h"

namespace fibflow::model {

/// The loss became infinite or not a number: the learning rate is too high for these data.
class TrainingDiverged : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Trains a U-Net, batch by batch. The same batches and rates give the same weights, bit for bit, with any
/// loop. Not thread-safe.
class Trainer {
 public:
  struct Options {
    TrainingGraph::Shape shape;
    LossOptions loss;
    AdamOptions adam;
    /// The weight of the new batch in the running statistics: PyTorch's momentum. As in PyTorch, the running
    /// variance takes the batch's variance with Bessel's correction, whereas the batch is normalized without
    /// it.
    double momentum = 0.1;
    std::uint64_t seed = 1;  ///< of the initial weights
  };

  /// Throws std::invalid_argument for options outside their ranges.
  Trainer(const Options& options, TrainingLoop loop);

  const Options& options() const { return options_; }
  std::int64_t steps() const { return steps_; }
  const UNetValues& values() const { return values_; }
  std::size_t memory() const;  ///< bytes

  /// One step of Adam; images and labels as in TrainingGraph::differentiate(). Returns the loss before it.
  /// Throws TrainingDiverged, and leaves the weights as they were.
  LossValue step(std::span<const float> images, std::span<const std::uint8_t> labels, double rate);

  /// The gradients of the last step.
  const UNetValues& gradients() const { return gradients_; }

  /// As TrainingGraph::evaluate(), with the weights as they are.
  void evaluate(std::span<const float> images, std::span<float> logits);

  /// All that later steps depend on besides options and batches, in this machine's byte order.
  std::string state() const;

  /// Goes on from a state of a trainer with the same options. Throws std::invalid_argument if it has another
  /// size.
  void restore(std::string_view state);

 private:
  void update_running_statistics(const Moments& moments);
  void descend(double rate);

  Options options_;
  TrainingLoop loop_;
  TrainingGraph graph_;
  UNetValues values_;
  UNetValues gradients_;
  UNetValues first_moments_;
  UNetValues second_moments_;
  std::int64_t steps_ = 0;
};

}  // namespace fibflow::model
