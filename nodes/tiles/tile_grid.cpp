#include "nodes/tiles/tile_grid.h"

#include <algorithm>
#include <stdexcept>

namespace fibflow::nodes {
namespace {

/// Splits [0, extent) into as few aligned intervals of at most `tile` as it takes, as equal as the alignment
/// lets them be, longer ones first.
std::vector<model::Interval> split(int extent, int tile, int alignment) {
  const int units = (extent - 1) / alignment + 1;
  const int units_per_tile = std::max(1, std::min(tile, extent + alignment) / alignment);
  const int count = tile >= extent ? 1 : (units - 1) / units_per_tile + 1;
  std::vector<model::Interval> intervals;
  int begin = 0;
  for (int i = 0; i < count; ++i) {
    const int size = units / count + (i < units % count ? 1 : 0);
    const int end = std::min(extent, begin + size * alignment);
    intervals.push_back({begin, end});
    begin = end;
  }
  return intervals;
}

}  // namespace

TileGrid::TileGrid(int height, int width, int tile_height, int tile_width, int alignment)
    : height_(height), width_(width) {
  if (height <= 0 || width <= 0 || tile_height <= 0 || tile_width <= 0 || alignment <= 0) {
    throw std::invalid_argument("a tile grid needs a slice, a tile and an alignment of at least one pixel");
  }
  const auto rows = split(height, tile_height, alignment);
  const auto columns = split(width, tile_width, alignment);
  rows_ = static_cast<int>(rows.size());
  columns_ = static_cast<int>(columns.size());
  for (const auto& y : rows) {
    for (const auto& x : columns) cores_.push_back({y, x});
  }
}

TileGrid TileGrid::whole(int height, int width) {
  const int longest = std::max(height, width);
  return TileGrid(height, width, longest, longest);
}

}  // namespace fibflow::nodes
