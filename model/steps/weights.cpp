#include "model/tile/weights.h"

#include <cmath>

namespace fibflow::model {

ConvolutionForm form_of(const ConvolutionOp& op) {
  ConvolutionForm f;
  const auto out = static_cast<int>(op.weights.dims[0]);
  const auto in = static_cast<int>(op.weights.dims[1]) * op.groups;
  const int block = channel_block();
  const bool depthwise = in == op.groups && out == op.groups && in % block == 0;
  const bool whole_blocks = (in / op.groups) % block == 0 && (out / op.groups) % block == 0;
  f.expanded = op.groups > 1 && !depthwise && !whole_blocks;
  f.groups = f.expanded ? 1 : op.groups;
  // oneDNN has fast kernels for whole blocks only; the lanes beyond the channels are there anyway, as zeros.
  f.in_channels = f.groups == 1 ? padded(in, block) : in;
  f.out_channels = f.groups == 1 ? padded(out, block) : out;
  return f;
}

ConvolutionForm form_of(const DeconvolutionOp& op) {
  ConvolutionForm f;
  const auto in = static_cast<int>(op.weights.dims[0]);
  const auto out = static_cast<int>(op.weights.dims[1]) * op.groups;
  const auto disjoint = [](const Window& w) {
    return w.kernel == w.stride && w.dilation == 1 && w.pad_begin == 0 && w.pad_end == 0;
  };
  f.expanded = op.groups > 1;
  f.depth_to_space = disjoint(op.y) && disjoint(op.x);
  f.transposed = !f.depth_to_space;
  f.in_channels = padded(in, channel_block());
  f.out_channels = padded(out, channel_block()) * (f.depth_to_space ? op.y.kernel * op.x.kernel : 1);
  return f;
}

Normalizer normalizer(const BatchNorm& layer, const LayerStatistics& statistics) {
  const auto n = static_cast<std::size_t>(padded(layer.channels, channel_block()));
  Normalizer result{std::vector<float>(n, 0.0F), std::vector<float>(n, 0.0F)};
  for (std::size_t c = 0; c < layer.gamma.size(); ++c) {
    const double scale =
        layer.gamma[c] / std::sqrt(static_cast<double>(statistics.variance[c]) + layer.epsilon);
    result.scale[c] = static_cast<float>(scale);
    result.shift[c] = static_cast<float>(layer.beta[c] - statistics.mean[c] * scale);
  }
  return result;
}

Weights::Weights(std::shared_ptr<const ShapedNetwork> net, Network network, std::optional<Statistics> folded)
    : net_(std::move(net)), network_(std::move(network)), folded_(std::move(folded)) {
  if (folded_) {
    const auto& layers = network_.batch_norms();
    if (folded_->layers.size() != layers.size()) throw std::invalid_argument("statistics of another network");
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (folded_->layers[i].mean.size() != layers[i].gamma.size())
        throw std::invalid_argument("statistics of another network");
      normalizers_.push_back(normalizer(layers[i], folded_->layers[i]));
    }
  }
  biases_.resize(net_->operations().size());
  for (std::size_t i = 0; i < biases_.size(); ++i) make_bias(static_cast<int>(i));
}

void Weights::make_bias(int index) {
  const auto& what = net_->operations()[static_cast<std::size_t>(index)].what;
  const auto make = [&](const auto& op, int channels, int copies) {
    const bool folds = folded_ && op.batch_norm >= 0;
    if (op.bias.empty() && !folds) return;
    const int pad = padded(channels, channel_block());
    auto values = std::make_unique<AlignedFloats>(static_cast<std::size_t>(pad * copies));
    for (int k = 0; k < copies; ++k) {
      for (int c = 0; c < channels; ++c) {
        const auto i = static_cast<std::size_t>(c);
        float v = op.bias.empty() ? 0.0F : op.bias[i];
        if (folds) {
          const Normalizer& n = normalizers_[static_cast<std::size_t>(op.batch_norm)];
          v = v * n.scale[i] + n.shift[i];
        }
        values->data()[k * pad + c] = v;
      }
    }
    biases_[static_cast<std::size_t>(index)] = std::move(values);
  };
  if (const auto* op = std::get_if<ConvolutionOp>(&what)) make(*op, static_cast<int>(op->weights.dims[0]), 1);
  if (const auto* op = std::get_if<DeconvolutionOp>(&what)) {
    make(*op, static_cast<int>(op->weights.dims[1]) * op->groups,
         form_of(*op).depth_to_space ? op->y.kernel * op->x.kernel : 1);
  }
}

std::vector<float> Weights::plain(int index, int in_channels) const {
  const auto& what = net_->operations()[static_cast<std::size_t>(index)].what;
  const auto scale_of = [&](int batch_norm, std::size_t channel) {
    return folded_ && batch_norm >= 0 ? normalizers_[static_cast<std::size_t>(batch_norm)].scale[channel]
                                      : 1.0F;
  };
  std::vector<float> result;
  if (const auto* op = std::get_if<ConvolutionOp>(&what)) {
    const ConvolutionForm form = form_of(*op);
    const auto out = static_cast<std::size_t>(op->weights.dims[0]);
    const auto per_group = static_cast<std::size_t>(op->weights.dims[1]);
    const auto kernel = static_cast<std::size_t>(op->y.kernel * op->x.kernel);
    const std::size_t in = form.groups == 1 ? static_cast<std::size_t>(in_channels) : per_group;
    result.assign(static_cast<std::size_t>(form.out_channels) * in * kernel, 0.0F);
    for (std::size_t o = 0; o < out; ++o) {
      const float scale = scale_of(op->batch_norm, o);
      const std::size_t first =
          form.expanded ? o / (out / static_cast<std::size_t>(op->groups)) * per_group : 0;
      const float* from = op->weights.floats.data() + o * per_group * kernel;
      float* to = result.data() + (o * in + first) * kernel;
      for (std::size_t k = 0; k < per_group * kernel; ++k) to[k] = from[k] * scale;
    }
    return result;
  }
  const auto& op = std::get<DeconvolutionOp>(what);
  const ConvolutionForm form = form_of(op);
  const auto groups = static_cast<std::size_t>(op.groups);
  const auto in = static_cast<std::size_t>(op.weights.dims[0]);
  const auto per_group = static_cast<std::size_t>(op.weights.dims[1]);
  const auto kernel = static_cast<std::size_t>(op.y.kernel * op.x.kernel);
  const auto all_in = static_cast<std::size_t>(form.in_channels);
  const auto all_out =
      static_cast<std::size_t>(padded(static_cast<int>(per_group * groups), channel_block()));
  result.assign(all_in * all_out * kernel, 0.0F);
  for (std::size_t i = 0; i < in; ++i) {
    for (std::size_t p = 0; p < per_group; ++p) {
      const std::size_t o = i / (in / groups) * per_group + p;
      for (std::size_t k = 0; k < kernel; ++k) {
        const float v = op.weights.floats[(i * per_group + p) * kernel + k] * scale_of(op.batch_norm, o);
        // depth to space: [sub-pixel, out, in]; otherwise as ONNX has it: [in, out, ky, kx].
        result[form.depth_to_space ? (k * all_out + o) * all_in + i : (i * all_out + o) * kernel + k] = v;
      }
    }
  }
  return result;
}

const float* Weights::arranged(int op, const Convolution& convolution) const {
  const std::lock_guard lock(mutex_);
  auto& slot = arranged_[{op, convolution.weights_layout()}];
  if (slot == nullptr) {
    auto made = std::make_unique<AlignedFloats>(convolution.weights_bytes() / sizeof(float));
    convolution.arrange_weights(plain(op, convolution.in_channels()), made->data());
    slot = std::move(made);
  }
  return slot->data();
}

const float* Weights::bias(int op) const {
  const auto& b = biases_[static_cast<std::size_t>(op)];
  return b == nullptr ? nullptr : b->data();
}

}  // namespace fibflow::model
