#include "model/engine/reference_convolution.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "model/engine/cpu.h"

namespace fibflow::model {
namespace {

float activated(const ConvolutionShape& s, float v) {
  using Kind = Activation::Kind;
  switch (s.activation) {
    case Kind::relu:
      return std::max(v, 0.0F);
    case Kind::leaky_relu:
      return v > 0 ? v : s.alpha * v;
    case Kind::elu:
      return v > 0 ? v : s.alpha * std::expm1(v);
    case Kind::sigmoid:
      return 1 / (1 + std::exp(-v));
    case Kind::tanh:
      return std::tanh(v);
    default:
      return v;
  }
}

class ReferenceConvolution final : public Convolution {
 public:
  explicit ReferenceConvolution(const ConvolutionShape& shape) : Convolution(shape) {}

  std::size_t scratch_bytes() const override { return 0; }
  const std::string& weights_layout() const override {
    static const std::string plain = "plain";
    return plain;
  }
  std::size_t weights_bytes() const override {
    const ConvolutionShape& s = shape();
    return static_cast<std::size_t>(s.out_channels) * static_cast<std::size_t>(s.in_channels / s.groups) *
           static_cast<std::size_t>(s.y.kernel * s.x.kernel) * sizeof(float);
  }
  void arrange_weights(std::span<const float> weights, float* arranged) const override {
    std::ranges::copy(weights, arranged);
  }

  void execute(const float* input, const float* weights, const float* bias, float* output,
               void* /*scratch*/) const override {
    const ConvolutionShape& s = shape();
    const int block = channel_block();
    const int in_block = s.plain_input ? 1 : block;
    const int outs = s.out_channels / s.groups;
    for (int o = 0; o < s.out_channels; ++o) {
      for (int y = 0; y < s.out_height; ++y) {
        for (int x = 0; x < s.out_width; ++x) {
          double sum = bias == nullptr ? 0 : bias[o];
          for (int ky = 0; ky < s.y.kernel; ++ky) {
            const int in_y = source(s.y, y, ky, s.in_height);
            if (in_y < 0) continue;
            for (int kx = 0; kx < s.x.kernel; ++kx) {
              const int in_x = source(s.x, x, kx, s.in_width);
              if (in_x < 0) continue;
              sum += over_channels(input, weights, o, o / outs, in_y, in_x, ky, kx, in_block);
            }
          }
          output[at(o, y, x, s.out_height, s.out_width, block)] = activated(s, static_cast<float>(sum));
        }
      }
    }
  }

 private:
  static std::size_t at(int channel, int y, int x, int height, int width, int block) {
    return ((static_cast<std::size_t>(channel / block) * static_cast<std::size_t>(height) +
             static_cast<std::size_t>(y)) *
                static_cast<std::size_t>(width) +
            static_cast<std::size_t>(x)) *
               static_cast<std::size_t>(block) +
           static_cast<std::size_t>(channel % block);
  }

  /// The input pixel that reaches output pixel o through tap k, or -1.
  int source(const Window& w, int o, int k, int size) const {
    int i = 0;
    if (shape().transposed) {
      const int reached = o + w.pad_begin - k * w.dilation;
      if (reached < 0 || reached % w.stride != 0) return -1;
      i = reached / w.stride;
    } else {
      i = o * w.stride - w.pad_begin + k * w.dilation;
    }
    return i >= 0 && i < size ? i : -1;
  }

  double over_channels(const float* input, const float* weights, int o, int group, int y, int x, int ky,
                       int kx, int in_block) const {
    const ConvolutionShape& s = shape();
    const int ins = s.in_channels / s.groups;
    const int outs = s.out_channels / s.groups;
    const int taps = s.y.kernel * s.x.kernel;
    double sum = 0;
    for (int i = 0; i < ins; ++i) {
      const int in = group * ins + i;
      const std::ptrdiff_t pair =
          s.transposed ? std::ptrdiff_t{in} * outs + o % outs : std::ptrdiff_t{o} * ins + i;
      sum += static_cast<double>(weights[pair * taps + ky * s.x.kernel + kx]) *
             input[at(in, y, x, s.in_height, s.in_width, in_block)];
    }
    return sum;
  }
};

}  // namespace

const ConvolutionEngine reference_convolutions = {
    "reference", [](const ConvolutionShape&) -> std::optional<std::size_t> { return 0; },
    [](const ConvolutionShape& shape) -> std::unique_ptr<Convolution> {
      return std::make_unique<ReferenceConvolution>(shape);
    }};

}  // namespace fibflow::model
