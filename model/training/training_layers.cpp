#include "model/training/training_layers.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "model/engine/cpu.h"

namespace fibflow::model {
namespace {

int padded(int channels) {
  const int block = channel_block();
  return (channels + block - 1) / block * block;
}

/// Hands out places in an image's memory.
class Places {
 public:
  std::size_t take(int channels, int height, int width) {
    const std::size_t place = end_;
    end_ += static_cast<std::size_t>(channels) * static_cast<std::size_t>(height) *
            static_cast<std::size_t>(width);
    end_ = (end_ + 15) / 16 * 16;
    return place;
  }
  std::size_t end() const { return end_; }

 private:
  std::size_t end_ = 0;
};

}  // namespace

ConvolutionLayer::ConvolutionLayer(std::size_t tensor, std::vector<int> parts, int out_channels, int height,
                                   int width, int kernel, bool transposed, bool plain_input)
    : tensor_(tensor),
      parts_(std::move(parts)),
      out_channels_(out_channels),
      kernel_(kernel),
      transposed_(transposed) {
  TrainingConvolution::Shape shape;
  for (const int part : parts_) shape.in_channels += plain_input ? part : padded(part);
  shape.out_channels = padded(out_channels) * (transposed ? 4 : 1);
  shape.height = height;
  shape.width = width;
  shape.kernel = transposed ? 1 : kernel;
  shape.plain_input = plain_input;
  primitive_ = std::make_unique<TrainingConvolution>(shape);
  plain_ = AlignedFloats(primitive_->plain_floats());
  forward_ = AlignedFloats(primitive_->forward_floats());
  backward_ = AlignedFloats(primitive_->backward_floats());
}

std::size_t ConvolutionLayer::memory() const {
  return (plain_.size() + forward_.size() + backward_.size()) * sizeof(float);
}

template <typename Each>
void ConvolutionLayer::for_each_weight(Each&& each) const {
  const auto& shape = primitive_->shape();
  const int taps = kernel_ * kernel_;
  const int ins = std::accumulate(parts_.begin(), parts_.end(), 0);
  const int padded_out = padded(out_channels_);
  for (int o = 0; o < out_channels_; ++o) {
    int before = 0;  // channels of the parts before, in the tensor and in the map
    int padded_before = 0;
    for (const int part : parts_) {
      for (int i = 0; i < part; ++i) {
        for (int t = 0; t < taps; ++t) {
          const std::size_t in = static_cast<std::size_t>(before + i);
          const std::size_t in_map = static_cast<std::size_t>(padded_before + i);
          const auto map_ins = static_cast<std::size_t>(shape.in_channels);
          if (transposed_) {
            each((in * static_cast<std::size_t>(out_channels_) + static_cast<std::size_t>(o)) * 4 +
                     static_cast<std::size_t>(t),
                 static_cast<std::size_t>(t * padded_out + o) * map_ins + in_map);
          } else {
            const auto out = static_cast<std::size_t>(o);
            const auto each_pair = static_cast<std::size_t>(taps);
            each((out * static_cast<std::size_t>(ins) + in) * each_pair + static_cast<std::size_t>(t),
                 (out * map_ins + in_map) * each_pair + static_cast<std::size_t>(t));
          }
        }
      }
      before += part;
      padded_before += padded(part);
    }
  }
}

void ConvolutionLayer::arrange(const UNetValues& values) {
  const std::span<const float> tensor = values[tensor_];
  float* plain = plain_.data();
  for_each_weight([&](std::size_t from, std::size_t to) { plain[to] = tensor[from]; });
  primitive_->arrange(plain, forward_.data(), backward_.data());
}

void ConvolutionLayer::collect(const float* gradient, UNetValues& gradients) {
  const std::span<float> tensor = gradients[tensor_];
  // The padding in plain_ has to stay zero for arrange(): a weight's gradient is zero there too.
  primitive_->collect(gradient, plain_.data());
  const float* plain = plain_.data();
  for_each_weight([&](std::size_t to, std::size_t from) { tensor[to] = plain[from]; });
}

TrainingLayers::TrainingLayers(const UNet& network, int batch, int height, int width) {
  const UNetValues tensors(network);
  Places places;
  const auto channels = [&](int level) { return network.channels << level; };
  const auto images = static_cast<std::size_t>(batch);

  // Skips and what is joined to them: where the levels' outputs go.
  std::vector<std::size_t> joins;
  for (int k = 0; k < network.depth; ++k)
    joins.push_back(places.take(2 * padded(channels(k)), height >> k, width >> k));

  const auto add = [&](const std::string& name, std::vector<int> parts, int level, std::size_t input,
                       std::size_t y) {
    const int out = channels(level);
    const int h = height >> level;
    const int w = width >> level;
    const std::size_t lanes = static_cast<std::size_t>(padded(out));
    const std::size_t dot = name.rfind('.') + 1;
    const std::string norm = name.substr(0, dot) + std::to_string(std::stoi(name.substr(dot)) + 1);
    NormedLayer layer{ConvolutionLayer(tensors.index(name + ".weight"), std::move(parts), out, h, w,
                                       network.kernel, false, normed.empty()),
                      tensors.index(norm + ".weight"),
                      out,
                      {padded(out) / channel_block(), h, w},
                      input,
                      places.take(padded(out), h, w),
                      y,
                      false,
                      0,
                      AlignedFloats(lanes),
                      AlignedFloats(lanes),
                      AlignedFloats(lanes),
                      AlignedFloats(lanes),
                      AlignedFloats(lanes),
                      AlignedFloats(lanes),
                      std::vector<double>(images * lanes),
                      std::vector<double>(images * lanes)};
    normed.push_back(std::move(layer));
  };
  const auto map_of = [&](int level) {
    return places.take(padded(channels(level)), height >> level, width >> level);
  };

  std::size_t input = 0;
  for (int k = 0; k <= network.depth; ++k) {
    const std::string name = "enc." + std::to_string(k);
    const bool bottom = k == network.depth;
    add(name + ".0", {k == 0 ? network.input_channels : channels(k - 1)}, k, input, map_of(k));
    const std::size_t middle = normed.back().y;
    add(name + ".3", {channels(k)}, k, middle, bottom ? map_of(k) : joins[static_cast<std::size_t>(k)]);
    if (!bottom) {
      input = places.take(padded(channels(k)), height >> (k + 1), width >> (k + 1));
      normed.back().pooled = true;
      normed.back().pool = input;
    }
  }

  first_decoder = normed.size();
  std::size_t parts = 0;  // level 0 needs the most
  if (network.depth > 0) parts = places.take(4 * padded(channels(0)), height / 2, width / 2);
  for (int j = 0; j < network.depth; ++j) {
    const int k = network.depth - 1 - j;
    const std::size_t join = joins[static_cast<std::size_t>(k)];
    const std::string up = "up." + std::to_string(j);
    const int h = height >> (k + 1);
    const int w = width >> (k + 1);
    const std::size_t lanes = static_cast<std::size_t>(padded(channels(k)));
    ups.push_back({ConvolutionLayer(tensors.index(up + ".weight"), {channels(k + 1)}, channels(k), h, w, 2,
                                    true, false),
                   tensors.index(up + ".bias"),
                   channels(k),
                   {padded(channels(k)) / channel_block(), h, w},
                   normed.back().y,
                   parts,
                   join + lanes * 4 * static_cast<std::size_t>(h) * static_cast<std::size_t>(w),
                   AlignedFloats(lanes),
                   std::vector<double>(images * lanes)});
    const std::string name = "dec." + std::to_string(j);
    add(name + ".0", {channels(k), channels(k)}, k, join, map_of(k));
    const std::size_t middle = normed.back().y;
    add(name + ".3", {channels(k)}, k, middle, map_of(k));
  }
  head_weight = tensors.index("head.weight");
  head_weights = AlignedFloats(static_cast<std::size_t>(network.output_channels) *
                               static_cast<std::size_t>(padded(channels(0))));
  head_bias.resize(static_cast<std::size_t>(network.output_channels));
  image_floats = places.end();
  const auto count = [&](const ConvolutionLayer& layer) {
    scratch_bytes = std::max(scratch_bytes, layer.primitive().scratch_bytes());
    gradient_floats = std::max(gradient_floats, layer.primitive().gradient_floats());
  };
  for (const NormedLayer& layer : normed) count(layer.convolution);
  for (const UpLayer& layer : ups) count(layer.convolution);
}

UpLayer* TrainingLayers::up_before(std::size_t layer) {
  if (layer < first_decoder || (layer - first_decoder) % 2 != 0) return nullptr;
  return &ups[(layer - first_decoder) / 2];
}

}  // namespace fibflow::model
