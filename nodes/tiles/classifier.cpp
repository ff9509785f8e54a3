#include "nodes/tiles/classifier.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

namespace fibflow::nodes {
namespace {

template <typename T>
void store(std::byte* target, std::size_t index, T value) {
  std::memcpy(target + index * sizeof(T), &value, sizeof(T));
}

std::uint8_t strongest_channel(std::span<const float> output, std::size_t pixels, std::size_t pixel) {
  std::size_t best = 0;
  for (std::size_t c = 1; c < output.size() / pixels; ++c) {
    if (output[c * pixels + pixel] > output[best * pixels + pixel]) best = c;
  }
  return static_cast<std::uint8_t>(best);
}

}  // namespace

void store_probability(std::byte* target, std::size_t index, float p, io::PixelType type) {
  p = std::clamp(p, 0.0F, 1.0F);
  switch (type) {
    case io::PixelType::u8:
      store(target, index, static_cast<std::uint8_t>(std::lround(p * 255.0F)));
      break;
    case io::PixelType::u16:
      store(target, index, static_cast<std::uint16_t>(std::lround(p * 65535.0F)));
      break;
    case io::PixelType::f32:
      store(target, index, p);
      break;
  }
}

Classifier::Classifier(model::OutputKind kind, int channels, PredictionFormat format)
    : kind_(kind), channels_(channels), format_(std::move(format)) {
  for (const LayerFormat& layer : format_.layers) {
    if (layer.layer == Layer::mask && layer.type != io::PixelType::u8)
      throw std::invalid_argument("masks are stored in 8 bits");
    if (layer.of_class >= channels) throw std::invalid_argument("the network has no such class");
  }
  if (!(format_.threshold >= 0 && format_.threshold <= 1)) {
    throw std::invalid_argument("the threshold must be between 0 and 1");
  }
  if (channels < 1 || channels > 256) {
    throw std::invalid_argument("the network has " + std::to_string(channels) +
                                " output channels; a mask of 8 bits holds 1 to 256 classes");
  }
}

float Classifier::foreground_probability(std::span<const float> output, std::size_t pixels,
                                         std::size_t pixel) const {
  const float first = output[pixel];
  if (channels_ == 1) {
    const float p = kind_ == model::OutputKind::sigmoid ? first : 1 / (1 + std::exp(-first));
    return std::clamp(p, 0.0F, 1.0F);
  }
  if (kind_ == model::OutputKind::softmax) return std::clamp(1 - first, 0.0F, 1.0F);
  // Sum of the other classes' shares rather than 1 - share(0), which would lose small probabilities.
  float largest = first;
  for (int c = 1; c < channels_; ++c)
    largest = std::max(largest, output[static_cast<std::size_t>(c) * pixels + pixel]);
  const float background = std::exp(first - largest);
  float others = 0;
  for (int c = 1; c < channels_; ++c)
    others += std::exp(output[static_cast<std::size_t>(c) * pixels + pixel] - largest);
  return others / (background + others);
}

/// The share of a class among several.
float Classifier::class_probability(std::span<const float> output, std::size_t pixels, std::size_t pixel,
                                    int of) const {
  const float own = output[static_cast<std::size_t>(of) * pixels + pixel];
  if (kind_ == model::OutputKind::softmax) return std::clamp(own, 0.0F, 1.0F);
  float largest = output[pixel];
  for (int c = 1; c < channels_; ++c)
    largest = std::max(largest, output[static_cast<std::size_t>(c) * pixels + pixel]);
  float all = 0;
  for (int c = 0; c < channels_; ++c)
    all += std::exp(output[static_cast<std::size_t>(c) * pixels + pixel] - largest);
  return std::exp(own - largest) / all;
}

void Classifier::add_binary_entropy(float output, float foreground, EntropySum& sum) const {
  const float rarer = std::min(foreground, 1 - foreground);
  const bool logit = kind_ != model::OutputKind::sigmoid;
  const float behind = logit ? std::abs(output) : rarer > 0 ? std::log((1 - rarer) / rarer) : 0;
  sum.add(1.0 - rarer, static_cast<double>(rarer) * behind);
}

void Classifier::add_class_entropy(std::span<const float> output, std::size_t pixels, std::size_t pixel,
                                   std::size_t strongest, EntropySum& sum) const {
  const auto channels = static_cast<std::size_t>(channels_);
  if (kind_ == model::OutputKind::softmax) {
    for (std::size_t c = 0; c < channels; ++c) sum.add_class(output[c * pixels + pixel]);
    return;
  }
  const float largest = output[strongest * pixels + pixel];
  float odds = 0;  // of all classes against the strongest
  float behind = 0;
  for (std::size_t c = 0; c < channels; ++c) {
    const float distance = largest - output[c * pixels + pixel];
    const float share = std::exp(-distance);
    odds += share;
    if (share > 0) behind += share * distance;
  }
  sum.add(1 / static_cast<double>(odds), static_cast<double>(behind) / odds);
}

Labels Classifier::operator()(std::span<const float> output) const {
  if (output.empty() || output.size() % static_cast<std::size_t>(channels_) != 0) {
    throw std::logic_error("the network's output does not hold the same pixels for each channel");
  }
  if (!std::all_of(output.begin(), output.end(), [](float v) { return std::isfinite(v); })) {
    throw model::ModelError("the network's output is not a number or infinite");
  }
  const std::size_t pixels = output.size() / static_cast<std::size_t>(channels_);
  Labels labels;
  std::vector<std::byte*> targets;  // of the layers
  for (const LayerFormat& format : format_.layers) {
    auto voxels = std::make_shared<std::vector<std::byte>>(pixels * io::bytes_per_voxel(format.type));
    targets.push_back(voxels->data());
    labels.layers.push_back({format.layer, std::move(voxels)});
  }
  const auto threshold = static_cast<float>(format_.threshold);
  EntropySum entropy;
  double both = 0;
  double unmarked = 0;
  std::int64_t marked = 0;
  for (std::size_t i = 0; i < pixels; ++i) {
    const bool single = channels_ == 1;
    const float p = foreground_probability(output, pixels, i);
    const std::uint8_t label = single ? (p > threshold ? 255 : 0) : strongest_channel(output, pixels, i);
    labels.foreground += label != 0;
    if (p > 0.5F) {
      both += p;
      ++marked;
    } else {
      unmarked += p;
    }
    if (single) add_binary_entropy(output[i], p, entropy);
    if (!single) add_class_entropy(output, pixels, i, label, entropy);
    for (std::size_t k = 0; k < targets.size(); ++k) {
      switch (format_.layers[k].layer) {
        case Layer::mask:
          store(targets[k], i, label);
          break;
        case Layer::probability:
          store_probability(targets[k], i,
                            format_.layers[k].of_class < 0
                                ? p
                                : class_probability(output, pixels, i, format_.layers[k].of_class),
                            format_.layers[k].type);
          break;
      }
    }
  }
  labels.entropy = entropy.bits();
  labels.expected = {both, static_cast<double>(marked) + unmarked};
  return labels;
}

}  // namespace fibflow::nodes
