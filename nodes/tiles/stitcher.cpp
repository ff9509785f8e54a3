#include "nodes/tiles/stitcher.h"

#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

namespace fibflow::nodes {
namespace {

/// Copies a dense core to its place in a slice.
void place(const std::byte* from, std::byte* to, const model::Region& core, int slice_width,
           std::size_t voxel_bytes) {
  const std::size_t row_bytes = static_cast<std::size_t>(core.width()) * voxel_bytes;
  for (int y = core.y.begin; y < core.y.end; ++y, from += row_bytes) {
    const std::size_t voxel = static_cast<std::size_t>(y) * static_cast<std::size_t>(slice_width) +
                              static_cast<std::size_t>(core.x.begin);
    std::memcpy(to + voxel * voxel_bytes, from, row_bytes);
  }
}

}  // namespace

Stitcher::Stitcher(TileGrid grid, PredictionFormat format)
    : grid_(std::move(grid)), format_(std::move(format)) {
  if (format_.layers.empty()) throw std::invalid_argument("nothing is to be made of the predictions");
}

Stitcher::Output Stitcher::operator()(const Input& prediction) {
  const std::size_t pixels =
      static_cast<std::size_t>(grid_.height()) * static_cast<std::size_t>(grid_.width());
  Partial& partial = partial_[prediction.order];
  if (partial.layers.empty()) {
    for (const LayerFormat& format : format_.layers)
      partial.layers.push_back(
          std::make_shared_for_overwrite<std::byte[]>(pixels * io::bytes_per_voxel(format.type)));
    partial.stitched.resize(static_cast<std::size_t>(grid_.size()));
    partial.entropy.resize(static_cast<std::size_t>(grid_.size()));
    partial.expected.resize(static_cast<std::size_t>(grid_.size()));
    partial.missing = grid_.size();
  }
  if (prediction.tile < 0 || prediction.tile >= grid_.size() ||
      grid_.core(prediction.tile) != prediction.core) {
    throw std::logic_error("tile " + std::to_string(prediction.tile) + " is not one of the grid's");
  }
  if (partial.stitched[static_cast<std::size_t>(prediction.tile)]) {
    throw std::logic_error("two predictions for tile " + std::to_string(prediction.tile));
  }
  partial.stitched[static_cast<std::size_t>(prediction.tile)] = true;
  for (std::size_t i = 0; i < format_.layers.size(); ++i) {
    place(prediction.labels.layers.at(i).voxels->data(), partial.layers[i].get(), prediction.core,
          grid_.width(), io::bytes_per_voxel(format_.layers[i].type));
  }
  partial.foreground += prediction.labels.foreground;
  partial.entropy[static_cast<std::size_t>(prediction.tile)] = prediction.labels.entropy;
  partial.expected[static_cast<std::size_t>(prediction.tile)] = prediction.labels.expected;
  partial.seconds += prediction.seconds;
  if (--partial.missing > 0) return std::nullopt;

  SegmentedSlice result;
  result.order = prediction.order;
  for (std::size_t i = 0; i < format_.layers.size(); ++i) {
    const LayerFormat& format = format_.layers[i];
    result.layers.push_back({format.layer, io::Slice(prediction.z, grid_.height(), grid_.width(), format.type,
                                                     std::move(partial.layers[i]))});
  }
  result.foreground = static_cast<double>(partial.foreground) / static_cast<double>(pixels);
  // In the order of the tiles: sums round.
  const double entropy = std::accumulate(partial.entropy.begin(), partial.entropy.end(), 0.0);
  result.entropy = entropy / static_cast<double>(pixels);
  ExpectedOverlap expected;
  for (const ExpectedOverlap& of_tile : partial.expected) expected.add(of_tile);
  result.expected_iou = expected.iou();
  result.seconds = partial.seconds;
  result.featureless = prediction.featureless;
  partial_.erase(prediction.order);
  return result;
}

}  // namespace fibflow::nodes
