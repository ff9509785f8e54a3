#include "nodes/statistics/moments_collector.h"

#include <stdexcept>
#include <string>

namespace fibflow::nodes {

MomentsCollector::MomentsCollector(int tiles_per_slice) : tiles_per_slice_(tiles_per_slice) {
  if (tiles_per_slice < 1) throw std::invalid_argument("a slice has at least one tile");
}

MomentsCollector::Output MomentsCollector::operator()(const Input& prediction) {
  Partial& partial = partial_[prediction.order];
  if (prediction.tile < partial.next || prediction.tile >= tiles_per_slice_ ||
      !partial.waiting.emplace(prediction.tile, prediction.moments).second) {
    throw std::logic_error("the moments of tile " + std::to_string(prediction.tile) +
                           " came twice or are too many");
  }
  for (auto first = partial.waiting.begin(); first != partial.waiting.end() && first->first == partial.next;
       first = partial.waiting.erase(first)) {
    const auto& moments = first->second;
    if (partial.next > 0 && (moments == nullptr) != (partial.merged == nullptr)) {
      throw std::logic_error("some tiles of a slice were measured and others not");
    }
    if (moments && partial.merged) partial.merged->merge(*moments);
    if (moments && !partial.merged) partial.merged = std::make_shared<model::Moments>(*moments);
    ++partial.next;
  }
  if (partial.next < tiles_per_slice_) return std::nullopt;
  SliceMoments result{prediction.order, prediction.z, std::move(partial.merged), prediction.prepared};
  partial_.erase(prediction.order);
  return result;
}

}  // namespace fibflow::nodes
