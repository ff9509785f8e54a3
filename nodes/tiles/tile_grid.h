#pragma once

#include <vector>

#include "model/region.h"

namespace fibflow::nodes {

/// The partition of a slice into the cores of its tiles: every pixel is in exactly one core.
/// Cores begin at multiples of the alignment (that of model::Inference, so that congruent tiles share their
/// plan) and are nearly equal: a slice that is a little larger than a tile becomes two halves, not a tile and
/// a sliver. Immutable; every member may be called in parallel.
class TileGrid {
 public:
  /// tile_height, tile_width: of the largest core, in pixels; less than the alignment counts as the
  /// alignment. Throws std::invalid_argument if a size is not positive.
  TileGrid(int height, int width, int tile_height, int tile_width, int alignment);
  TileGrid(int height, int width, int tile, int alignment) : TileGrid(height, width, tile, tile, alignment) {}

  /// One core that is the whole slice.
  static TileGrid whole(int height, int width);

  int height() const { return height_; }
  int width() const { return width_; }

  /// Tiles, numbered row by row.
  int size() const { return static_cast<int>(cores_.size()); }
  int rows() const { return rows_; }
  int columns() const { return columns_; }
  const model::Region& core(int index) const { return cores_.at(static_cast<std::size_t>(index)); }
  const std::vector<model::Region>& cores() const { return cores_; }

  /// Height and width of the largest core.
  int core_height() const { return cores_.front().height(); }
  int core_width() const { return cores_.front().width(); }

 private:
  int height_;
  int width_;
  int rows_;
  int columns_;
  std::vector<model::Region> cores_;
};

}  // namespace fibflow::nodes
