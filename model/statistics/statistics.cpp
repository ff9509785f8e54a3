#include "model/statistics/statistics.h"

#include <algorithm>
#include <stdexcept>

namespace fibflow::model {

void LayerMoments::merge(const LayerMoments& other) {
  if (other.count == 0) return;
  if (count == 0) {
    *this = other;
    return;
  }
  if (other.mean.size() != mean.size())
    throw std::invalid_argument("moments of layers with other channel counts");
  const double total = count + other.count;
  for (std::size_t c = 0; c < mean.size(); ++c) {
    const double delta = other.mean[c] - mean[c];
    mean[c] += delta * (other.count / total);
    squares[c] += other.squares[c] + delta * delta * (count * other.count / total);
  }
  count = total;
}

LayerStatistics LayerMoments::statistics() const {
  if (count <= 0) throw std::logic_error("no pixel was counted for a layer's statistics");
  LayerStatistics result;
  result.mean.assign(mean.begin(), mean.end());
  result.variance.reserve(squares.size());
  for (const double s : squares) result.variance.push_back(static_cast<float>(s / count));
  return result;
}

bool Moments::complete() const {
  return std::ranges::all_of(layers, [](const LayerMoments& layer) { return layer.count > 0; });
}

void Moments::merge(const Moments& other) {
  if (layers.empty()) {
    *this = other;
    return;
  }
  if (other.layers.size() != layers.size())
    throw std::invalid_argument("moments of networks with other layers");
  for (std::size_t i = 0; i < layers.size(); ++i) layers[i].merge(other.layers[i]);
}

Statistics Moments::statistics() const {
  Statistics result;
  for (const LayerMoments& layer : layers) result.layers.push_back(layer.statistics());
  return result;
}

LayerStatistics blend(const LayerStatistics& estimate, const LayerStatistics& source, double share) {
  if (!(share >= 0 && share <= 1)) throw std::invalid_argument("the source share must lie in [0, 1]");
  if (estimate.mean.size() != source.mean.size()) throw std::invalid_argument("statistics of other networks");
  if (share == 0) return estimate;
  LayerStatistics result = estimate;
  for (std::size_t c = 0; c < result.mean.size(); ++c) {
    result.mean[c] = static_cast<float>((1 - share) * estimate.mean[c] + share * source.mean[c]);
    result.variance[c] = static_cast<float>((1 - share) * estimate.variance[c] + share * source.variance[c]);
  }
  return result;
}

Statistics blend(const Statistics& estimate, const Statistics& source, double share) {
  if (!(share >= 0 && share <= 1)) throw std::invalid_argument("the source share must lie in [0, 1]");
  if (estimate.layers.size() != source.layers.size())
    throw std::invalid_argument("statistics of other networks");
  Statistics result;
  for (std::size_t i = 0; i < estimate.layers.size(); ++i)
    result.layers.push_back(blend(estimate.layers[i], source.layers[i], share));
  return result;
}

}  // namespace fibflow::model
