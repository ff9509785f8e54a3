#pragma once

// Internal to model/: a U-Net as training computes it: which tensors, primitives and places in an image's
// memory belong to each layer. Channels are rounded up to whole blocks at every level; what is added is zero
// throughout and has zero gradients, so that no kernel needs to know.

#include <cstddef>
#include <memory>
#include <vector>

#include "model/engine/aligned_floats.h"
#include "model/engine/onednn_training.h"
#include "model/training/training_kernels.h"
#include "model/training/unet_values.h"

namespace fibflow::model {

/// A convolution whose weights live in a tensor of the network.
class ConvolutionLayer {
 public:
  /// parts: the input's channels in the tensor, each part rounded up to blocks in the feature map (the two of
  /// a concatenation). transposed: a 2 x 2 convolution with stride 2, computed as a 1 x 1 convolution to four
  /// times the channels, sub-pixel by sub-pixel.
  /// kernel: of the tensor, 1 or 3, or 2 if transposed.
  ConvolutionLayer(std::size_t tensor, std::vector<int> parts, int out_channels, int height, int width,
                   int kernel, bool transposed, bool plain_input);

  const TrainingConvolution& primitive() const { return *primitive_; }
  std::size_t tensor() const { return tensor_; }
  const float* forward_weights() const { return forward_.data(); }
  const float* backward_weights() const { return backward_.data(); }
  std::size_t memory() const;

  /// Brings the tensor's values into the layouts of the primitive.
  void arrange(const UNetValues& values);

  /// Writes a gradient in the primitive's layout to the tensor of the same number.
  void collect(const float* gradient, UNetValues& gradients);

 private:
  /// Calls each(number in the tensor, number in the plain padded weights).
  template <typename Each>
  void for_each_weight(Each&& each) const;

  std::size_t tensor_;
  std::vector<int> parts_;
  int out_channels_;
  int kernel_;
  bool transposed_;
  std::unique_ptr<TrainingConvolution> primitive_;
  AlignedFloats plain_;  // padded
  AlignedFloats forward_;
  AlignedFloats backward_;
};

/// Convolution, BatchNorm and ReLU.
struct NormedLayer {
  ConvolutionLayer convolution;
  std::size_t gamma = 0;  ///< tensors; beta, running mean and running variance follow
  int channels = 0;       ///< without padding
  MapSize size;
  std::size_t input = 0;  ///< in floats from the beginning of an image's memory; layer 0: not used
  std::size_t x = 0;      ///< the convolution's output, later its gradient
  std::size_t y = 0;      ///< after ReLU, later its gradient
  bool pooled = false;    ///< y is also pooled, for the next layer
  std::size_t pool = 0;   ///< where to

  // Of the batch, per channel: the terms of training_kernels.h.
  AlignedFloats mean, inverse_deviation, scale, shift, by_deviation, constant;
  std::vector<double> sums;      ///< [batch, padded channels]
  std::vector<double> products;  ///< [batch, padded channels]

  BatchNormTerms terms() const { return {scale.data(), shift.data(), mean.data(), inverse_deviation.data()}; }
};

/// A transposed convolution from the layer before it into a concatenation.
struct UpLayer {
  ConvolutionLayer convolution;
  std::size_t bias = 0;  ///< tensor
  int channels = 0;
  MapSize size;           ///< of the input's pixels, and the output's blocks
  std::size_t input = 0;  ///< in an image's memory
  std::size_t parts = 0;  ///< the four sub-pixels, one after another
  std::size_t output = 0;
  AlignedFloats bias_values;      ///< padded
  std::vector<double> bias_sums;  ///< [batch, padded channels]
};

/// The layers in the order of the network, and the memory that an image needs.
struct TrainingLayers {
  TrainingLayers(const UNet& network, int batch, int height, int width);

  std::vector<NormedLayer> normed;
  std::vector<UpLayer> ups;  ///< ups[j] comes before normed[first_decoder + 2 j]
  std::size_t first_decoder = 0;
  std::size_t head_weight = 0;  ///< tensor; the bias follows
  AlignedFloats head_weights;   ///< [outputs, padded channels]
  std::vector<float> head_bias;
  std::size_t image_floats = 0;
  std::size_t scratch_bytes = 0;
  std::size_t gradient_floats = 0;  ///< of the largest layer

  /// The transposed convolution right before this layer, or null.
  UpLayer* up_before(std::size_t layer);
};

}  // namespace fibflow::model
