#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "model/statistics/statistics.h"
#include "model/training/loss.h"
#include "model/training/unet.h"
#include "model/training/unet_values.h"

namespace fibflow::model {

/// Calls body(0), …, body(count - 1), in any order and at once if it likes, returns when all are done, and
/// rethrows the first exception. Whoever trains brings the threads.
using TrainingLoop = std::function<void(int count, const std::function<void(int)>& body)>;

/// A U-Net compiled for batches of images of one size: loss and gradients as in PyTorch's training mode, where
/// BatchNorm normalizes with the moments of the batch.
///
/// The images of a batch are worked on in parallel, layer by layer. What is summed over them (moments, loss,
/// gradients) is summed in the order of the images, so the same inputs give the same bits with any loop.
/// Feature maps are kept for the backward pass and turned into their gradients in place.
/// Not thread-safe.
class TrainingGraph {
 public:
  struct Shape {
    UNet network;
    int batch = 8;     ///< images, at least 1
    int height = 256;  ///< of an image: multiples of 2^depth
    int width = 256;
  };

  /// Throws std::invalid_argument for shapes outside their ranges, or with more than 3 input channels.
  TrainingGraph(const Shape& shape, const LossOptions& loss, TrainingLoop loop);
  ~TrainingGraph();
  TrainingGraph(const TrainingGraph&) = delete;
  TrainingGraph& operator=(const TrainingGraph&) = delete;

  const Shape& shape() const;

  /// Memory of the graph, in bytes; what it would be, without making it.
  std::size_t memory() const;
  static std::size_t memory_of(const Shape& shape);

  /// What a batch gives.
  struct Result {
    LossValue loss;
    Moments moments;  ///< of each BatchNorm's input over the batch, in the order of the network
  };

  /// images: [batch, input channels, height, width]; labels: [batch, height, width], each 0 or 1 for a network
  /// with one output, else a class. gradients: replaced by those of the loss; 0 for the running statistics,
  /// which do not enter. Throws std::invalid_argument for other sizes or labels.
  Result differentiate(const UNetValues& values, std::span<const float> images,
                       std::span<const std::uint8_t> labels, UNetValues& gradients);

  /// The forward pass with the running statistics. logits: [batch, outputs, height, width].
  void evaluate(const UNetValues& values, std::span<const float> images, std::span<float> logits);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fibflow::model
