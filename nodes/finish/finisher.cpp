#include "nodes/finish/finisher.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <utility>

#include "io/slice.h"
#include "nodes/tiles/classifier.h"

namespace fibflow::nodes {
namespace {

constexpr float full_scale = 65535;

/// Of how many layers the network's probabilities are.
std::size_t planes_of(int channels) {
  return channels <= 2 ? 1 : static_cast<std::size_t>(channels);
}

}  // namespace

int Finishing::reach() const {
  return static_cast<int>(std::ceil(smoothing));
}

std::vector<double> Finishing::weights() const {
  std::vector<double> all;
  for (int d = 0; d <= reach(); ++d)
    all.push_back(d == 0 ? 1.0 : std::exp(-0.5 * (d / smoothing) * (d / smoothing)));
  return all;
}

PredictionFormat format_of_network(const PredictionFormat& format, int channels, const Finishing& finishing) {
  if (finishing.is_nothing()) return format;
  PredictionFormat of_network{format.threshold, {}};
  if (channels <= 2) {
    of_network.layers.push_back({Layer::probability, io::PixelType::u16});
  } else {
    for (int c = 0; c < channels; ++c)
      of_network.layers.push_back({Layer::probability, io::PixelType::u16, c});
  }
  return of_network;
}

Finisher::Finisher(Finishing finishing, PredictionFormat format, int channels)
    : finishing_(finishing),
      format_(std::move(format)),
      channels_(channels),
      to_stack_(finishing_.network, finishing_.stack),
      weights_(finishing_.weights()) {}

Finisher::Output Finisher::operator()(const Input& around) const {
  return {finishing_.is_nothing() ? around.slice() : finished(around), around};
}

SegmentedSlice Finisher::finished(const Neighbourhood& around) const {
  const SegmentedSlice& middle = around.slice();
  const std::size_t planes = planes_of(channels_);
  if (middle.layers.size() != planes) throw std::logic_error("the probabilities of a class are missing");
  // Of each slice, weight / sum of weights.
  double total = 0;
  std::vector<double> weights;
  for (std::size_t i = 0; i < around.slices.size(); ++i) {
    const std::size_t distance = i > around.middle ? i - around.middle : around.middle - i;
    weights.push_back(weights_.at(distance));
    total += weights.back();
  }
  const GridSize size = finishing_.stack;
  const auto width = static_cast<std::size_t>(size.width);
  const auto pixels = width * static_cast<std::size_t>(size.height);
  SegmentedSlice result = middle;
  result.layers.clear();
  std::vector<std::shared_ptr<std::byte[]>> layers;
  for (const LayerFormat& format : format_.layers)
    layers.push_back(std::make_shared_for_overwrite<std::byte[]>(pixels * io::bytes_per_voxel(format.type)));
  // The strongest class so far, and its probability, where there are three and more.
  std::vector<float> strongest(planes > 1 ? pixels : 0);
  std::vector<std::uint8_t> classes(planes > 1 ? pixels : 0);
  const auto threshold = static_cast<float>(channels_ == 1 ? format_.threshold : 0.5);
  const std::uint8_t foreground_label = channels_ == 1 ? 255 : 1;
  std::int64_t foreground = 0;
  const auto take = [&](std::size_t plane, int row, std::span<const float> values) {
    const std::size_t begin = static_cast<std::size_t>(row) * width;
    if (planes > 1) {
      for (std::size_t x = 0; x < width; ++x) {
        if (plane > 0 && !(values[x] > strongest[begin + x])) continue;
        strongest[begin + x] = values[x];
        classes[begin + x] = static_cast<std::uint8_t>(plane);
      }
    }
    for (std::size_t k = 0; k < layers.size(); ++k) {
      const LayerFormat& format = format_.layers[k];
      if (format.layer == Layer::mask && planes == 1) {
        auto* mask = reinterpret_cast<std::uint8_t*>(layers[k].get()) + begin;
        for (std::size_t x = 0; x < width; ++x) {
          const bool is_foreground = values[x] > threshold;
          mask[x] = is_foreground ? foreground_label : 0;
          foreground += is_foreground;
        }
      }
      if (format.layer == Layer::probability && plane == 0) {
        for (std::size_t x = 0; x < width; ++x)
          store_probability(layers[k].get(), begin + x, planes == 1 ? values[x] : 1 - values[x], format.type);
      }
    }
  };
  for (std::size_t plane = 0; plane < planes; ++plane) {
    std::vector<const std::uint16_t*> of_slices;
    for (const auto& slice : around.slices)
      of_slices.push_back(slice->layers.at(plane).slice.as<std::uint16_t>().data());
    to_stack_.rows(
        [&](int row, float weight, std::span<float> sums) {
          for (std::size_t i = 0; i < of_slices.size(); ++i) {
            const std::uint16_t* from =
                of_slices[i] + static_cast<std::ptrdiff_t>(row) * finishing_.network.width;
            const auto share = static_cast<float>(weight * weights[i] / total / full_scale);
            for (std::size_t x = 0; x < sums.size(); ++x) sums[x] += share * static_cast<float>(from[x]);
          }
        },
        [&](int row, std::span<const float> values) { take(plane, row, values); });
  }
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const LayerFormat& format = format_.layers[k];
    if (format.layer == Layer::mask && planes > 1) {
      auto* mask = reinterpret_cast<std::uint8_t*>(layers[k].get());
      std::ranges::copy(classes, mask);
      foreground = std::ranges::count_if(classes, [](std::uint8_t label) { return label != 0; });
    }
    result.layers.push_back(
        {format.layer, io::Slice(middle.z(), size.height, size.width, format.type, std::move(layers[k]))});
  }
  result.foreground = static_cast<double>(foreground) / static_cast<double>(pixels);
  return result;
}

}  // namespace fibflow::nodes
