#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "io/slice.h"
#include "model/tile/network.h"
#include "nodes/tiles/entropy.h"
#include "nodes/tiles/layer.h"

namespace fibflow::nodes {

/// A layer of some pixels.
struct LayerVoxels {
  Layer layer = Layer::mask;
  std::shared_ptr<const std::vector<std::byte>> voxels;
};

/// What a mask and the truth have in common if the network's probabilities are right: with p the probability of the foreground
/// and m = 1 where p > 1/2, else 0, sums over pixels of min(p, m) and of max(p, m). Their quotient is the intersection over union
/// that the network itself expects.
struct ExpectedOverlap {
  double both = 0;
  double either = 0;

  void add(const ExpectedOverlap& other) {
    both += other.both;
    either += other.either;
  }
  /// Nothing where no pixel has any probability of being foreground.
  std::optional<double> iou() const { return either > 0 ? std::optional(both / either) : std::nullopt; }
};

/// Stores a probability, at an index, as round(255 p), round(65535 p) or p.
void store_probability(std::byte* target, std::size_t index, float p, io::PixelType type);

/// The prediction for some pixels.
struct Labels {
  std::vector<LayerVoxels> layers;  ///< in the order of the format's
  std::int64_t foreground = 0;      ///< pixels that are not background
  double entropy = 0;               ///< sum over the pixels of their prediction's entropy, in bits
  ExpectedOverlap expected;         ///< of the foreground with the truth, if the probabilities are right

  const std::vector<std::byte>& voxels(Layer layer) const { return *of_layer(layers, layer).voxels; }
  std::span<const std::uint8_t> mask() const {
    const std::vector<std::byte>& bytes = voxels(Layer::mask);
    return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
  }
};

/// Makes masks and probabilities of what the network gives for each pixel.
/// One channel: its sigmoid (unless the network ends in one) is the probability of the foreground, and the
/// mask is 255 where that exceeds the threshold. Two and more channels: the mask is the index of the largest
/// channel, the first one among equals, and the probability of the foreground is 1 minus the softmax (unless
/// the network ends in one) of channel 0. Probabilities are stored as round(255 p), round(65535 p) or p.
/// The entropy is that of foreground or not for one channel, up to 1 bit, and that over the classes otherwise,
/// up to log2(channels); it is summed pixel by pixel, so it depends on nothing but the output.
/// Immutable; may be called in parallel.
class Classifier {
 public:
  /// Throws std::invalid_argument if the threshold is not in [0, 1], there are more classes than a mask can hold, or a
  /// mask is not u8.
  Classifier(model::OutputKind kind, int channels, PredictionFormat format);

  /// output: [channels, pixels]. Throws model::ModelError if a value is not finite.
  Labels operator()(std::span<const float> output) const;

  const PredictionFormat& format() const { return format_; }

 private:
  float foreground_probability(std::span<const float> output, std::size_t pixels, std::size_t pixel) const;
  float class_probability(std::span<const float> output, std::size_t pixels, std::size_t pixel, int of) const;
  void add_binary_entropy(float output, float foreground, EntropySum& sum) const;
  void add_class_entropy(std::span<const float> output, std::size_t pixels, std::size_t pixel,
                         std::size_t strongest, EntropySum& sum) const;

  model::OutputKind kind_;
  int channels_;
  PredictionFormat format_;
};

}  // namespace fibflow::nodes
