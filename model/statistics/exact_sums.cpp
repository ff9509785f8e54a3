#include "model/statistics/exact_sums.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "model/error.h"

namespace fibflow::model {
namespace {

constexpr double unit = 281474976710656.0;  // 2^48
constexpr double largest = 0x1p126;         // of one image
constexpr double least_variance = 1e-5;     // what BatchNorm adds as a rule

double pivot_variance(const LayerStatistics& pivot, std::size_t channel) {
  return double{pivot.variance[channel]} + least_variance;
}

Int128 fixed(double value, std::size_t layer) {
  const double scaled = std::rint(value * unit);
  if (std::abs(scaled) < largest) return static_cast<Int128>(scaled);
  throw ModelError(
      "the input of BatchNorm layer " + std::to_string(layer + 1) +
      " is not finite, or so far from what the model was trained on that its statistics cannot be "
      "summed: are the intensities what the model takes (--normalization)?");
}

/// Each sum with its counterpart. combine(a, b, &result): whether that needs more than 128 bits.
template <typename Combine>
void combine_all(std::vector<LayerSums>& layers, const std::vector<LayerSums>& others,
                 const Combine& combine) {
  if (others.size() != layers.size()) throw std::invalid_argument("sums of networks with other layers");
  const auto combine_each = [&](std::vector<Int128>& sums, const std::vector<Int128>& with) {
    if (sums.size() != with.size()) throw std::invalid_argument("sums of layers with other channels");
    for (std::size_t c = 0; c < sums.size(); ++c) {
      if (combine(sums[c], with[c], &sums[c])) throw std::overflow_error("a sum needs more than 128 bits");
    }
  };
  for (std::size_t i = 0; i < layers.size(); ++i) {
    combine(layers[i].count, others[i].count, &layers[i].count);
    combine_each(layers[i].first, others[i].first);
    combine_each(layers[i].second, others[i].second);
  }
}

}  // namespace

ExactSums ExactSums::of(const Moments& moments, const Statistics& pivot) {
  if (moments.layers.size() != pivot.layers.size())
    throw std::invalid_argument("moments of a network with other layers");
  ExactSums sums;
  for (std::size_t i = 0; i < moments.layers.size(); ++i) {
    const LayerMoments& layer = moments.layers[i];
    const LayerStatistics& around = pivot.layers[i];
    const std::size_t channels = around.mean.size();
    LayerSums& sum = sums.layers.emplace_back();
    sum.first.resize(channels);
    sum.second.resize(channels);
    if (layer.count == 0) continue;
    if (layer.mean.size() != channels) throw std::invalid_argument("moments of layers with other channels");
    sum.count = std::llround(layer.count);
    for (std::size_t c = 0; c < channels; ++c) {
      const double variance = pivot_variance(around, c);
      const double distance = (layer.mean[c] - double{around.mean[c]}) / std::sqrt(variance);
      sum.first[c] = fixed(layer.count * distance, i);
      sum.second[c] = fixed(layer.squares[c] / variance + layer.count * (distance * distance), i);
    }
  }
  return sums;
}

void ExactSums::merge(const ExactSums& other) {
  if (layers.empty()) {
    layers = other.layers;
    return;
  }
  combine_all(layers, other.layers,
              [](auto a, auto b, auto* sum) { return __builtin_add_overflow(a, b, sum); });
}

void ExactSums::subtract(const ExactSums& other) {
  combine_all(layers, other.layers,
              [](auto a, auto b, auto* rest) { return __builtin_sub_overflow(a, b, rest); });
}

Moments ExactSums::moments(const Statistics& pivot) const {
  if (layers.size() != pivot.layers.size())
    throw std::invalid_argument("sums of a network with other layers");
  Moments moments;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const LayerSums& sum = layers[i];
    const LayerStatistics& around = pivot.layers[i];
    if (sum.first.size() != around.mean.size())
      throw std::invalid_argument("sums of layers with other channels");
    LayerMoments& layer = moments.layers.emplace_back();
    layer.count = static_cast<double>(sum.count);
    layer.mean.resize(sum.first.size());
    layer.squares.resize(sum.first.size());
    if (sum.count == 0) continue;
    for (std::size_t c = 0; c < sum.first.size(); ++c) {
      const double variance = pivot_variance(around, c);
      const double first = static_cast<double>(sum.first[c]) / unit;
      const double second = static_cast<double>(sum.second[c]) / unit;
      layer.mean[c] = double{around.mean[c]} + std::sqrt(variance) * (first / layer.count);
      layer.squares[c] = variance * std::max(0.0, second - first * (first / layer.count));
    }
  }
  return moments;
}

}  // namespace fibflow::model
