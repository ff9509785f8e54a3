#include "model/steps/weights.h"

#include <cmath>
#include <stdexcept>

#include "model/engine/cpu.h"
#include "model/steps/convolution_operation.h"

namespace fibflow::model {

ScaleShift scale_shift(const BatchNorm& layer, const LayerStatistics& statistics) {
  const auto n = static_cast<std::size_t>(padded(layer.channels, channel_block()));
  ScaleShift result{std::vector<float>(n, 0.0F), std::vector<float>(n, 0.0F)};
  for (std::size_t c = 0; c < layer.gamma.size(); ++c) {
    const double scale =
        layer.gamma[c] / std::sqrt(static_cast<double>(statistics.variance[c]) + layer.epsilon);
    result.scale[c] = static_cast<float>(scale);
    result.shift[c] = static_cast<float>(layer.beta[c] - statistics.mean[c] * scale);
  }
  return result;
}

Weights::Weights(const Operations& operations, const std::vector<BatchNorm>& batch_norms,
                 const std::optional<Statistics>& folded)
    : frozen_(folded.has_value()) {
  if (folded) {
    if (folded->layers.size() != batch_norms.size())
      throw std::invalid_argument("statistics of another network");
    for (std::size_t i = 0; i < batch_norms.size(); ++i) {
      if (folded->layers[i].mean.size() != batch_norms[i].gamma.size())
        throw std::invalid_argument("statistics of another network");
      scale_shifts_.push_back(scale_shift(batch_norms[i], folded->layers[i]));
    }
  }
  biases_.resize(operations.size());
  for (std::size_t i = 0; i < biases_.size(); ++i) {
    if (const auto* op = dynamic_cast<const ConvolutionOperation*>(operations[i].get())) make_bias(i, *op);
  }
}

void Weights::make_bias(std::size_t index, const ConvolutionOperation& op) {
  const bool folds = frozen_ && op.batch_norm() >= 0;
  if (op.bias.empty() && !folds) return;
  const int channels = op.out_channels();
  const int copies = op.bias_copies();
  const int pad = padded(channels, channel_block());
  auto values = std::make_unique<AlignedFloats>(static_cast<std::size_t>(pad * copies));
  for (int k = 0; k < copies; ++k) {
    for (int c = 0; c < channels; ++c) {
      const auto i = static_cast<std::size_t>(c);
      float v = op.bias.empty() ? 0.0F : op.bias[i];
      if (folds) {
        const ScaleShift& n = frozen_scale_shift(op.batch_norm());
        v = v * n.scale[i] + n.shift[i];
      }
      values->data()[k * pad + c] = v;
    }
  }
  biases_[index] = std::move(values);
}

const float* Weights::arranged(int index, const ConvolutionOperation& operation,
                               const Convolution& convolution) const {
  const std::lock_guard lock(mutex_);
  auto& slot = arranged_[{index, convolution.weights_layout()}];
  if (slot == nullptr) {
    std::span<const float> scale;
    if (frozen_ && operation.batch_norm() >= 0) scale = frozen_scale_shift(operation.batch_norm()).scale;
    auto made = std::make_unique<AlignedFloats>(convolution.weights_bytes() / sizeof(float));
    convolution.arrange_weights(operation.primitive_weights(convolution.shape().in_channels, scale),
                                made->data());
    slot = std::move(made);
  }
  return slot->data();
}

const float* Weights::bias(int index) const {
  const auto& b = biases_[static_cast<std::size_t>(index)];
  return b == nullptr ? nullptr : b->data();
}

}  // namespace fibflow::model
