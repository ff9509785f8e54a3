#pragma once

// Internal to model/: what convolutions and transposed convolutions share.

#include <vector>

#include "model/engine/convolution.h"
#include "model/onnx/graph.h"
#include "model/steps/operation.h"

namespace fibflow::model {

/// How a convolution is carried out; depends on nothing but its weights and the channel block.
struct ConvolutionForm {
  bool expanded = false;        ///< groups written out as a dense convolution
  bool depth_to_space = false;  ///< a transposed convolution without overlap, as a 1 x 1 convolution
  int groups = 1;
  int in_channels = 0;   ///< of the primitive for blocked input
  int out_channels = 0;  ///< of the primitive
};

/// With the BatchNormalization and the activation behind it, if it alone is read by them.
class ConvolutionOperation : public Operation {
 public:
  Constant weights;         ///< [out, in / groups, ky, kx]; transposed: [in, out / groups, ky, kx]
  std::vector<float> bias;  ///< [out], or empty
  int groups = 1;
  Window y;  ///< transposed: stride is the step between the outputs of neighbouring inputs
  Window x;

  virtual ConvolutionForm form() const = 0;
  virtual int out_channels() const = 0;
  /// How often the bias stands one after the other for the primitive.
  virtual int bias_copies() const { return 1; }

  /// The weights as the primitive takes them, in_channels of it; those of output channel o times scale[o] if there are
  /// scales.
  virtual std::vector<float> primitive_weights(int in_channels, std::span<const float> scale) const = 0;

  bool take_batch_norm(int batch_norm) override {
    if (batch_norm_ >= 0 || activation_.kind != Activation::Kind::none) return false;
    batch_norm_ = batch_norm;
    return true;
  }
  bool take_activation(const Activation& activation) override {
    if (activation_.kind != Activation::Kind::none) return false;
    activation_ = activation;
    return true;
  }
  int batch_norm() const override { return batch_norm_; }
  bool blocks() const override { return true; }

 protected:
  const Activation& activation() const { return activation_; }

  /// Whether the BatchNormalization is a step of its own.
  bool normalizes(const TilePlanner& planner) const;
  /// The bias, and the activation if the primitive can do it. Says whether it does.
  bool finish_shape(const TilePlanner& planner, ConvolutionShape& shape) const;
  /// BatchNormalization and activation of the output, in place.
  void finish(TilePlanner& planner, bool activated) const;

 private:
  int batch_norm_ = -1;
  Activation activation_;
};

}  // namespace fibflow::model
