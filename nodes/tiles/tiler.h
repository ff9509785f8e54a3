#pragma once

#include <memory>
#include <tuple>
#include <vector>

#include "nodes/intensity/normalizer.h"
#include "nodes/tiles/snapshot.h"
#include "nodes/tiles/tile_grid.h"

namespace fibflow::nodes {

/// A slice with the statistics it is segmented with.
struct SliceJob {
  PreparedSlice prepared;
  Snapshot snapshot;
};

/// One tile of a slice: a light descriptor, its voxels are cut where it is computed.
struct Tile {
  std::shared_ptr<const SliceJob> job;
  int index = 0;  ///< in the grid
  model::Region core;

  std::int64_t order() const { return job->prepared.order; }
  std::int64_t z() const { return job->prepared.slice.z(); }
};

/// Divides a slice into tiles.
/// In:     a slice and the snapshot for it.
/// Out:    its tiles, row by row.
/// Throws: std::logic_error if the snapshot is another slice's; BadSlice if the slice is not as large as the
/// grid.
class Tiler {
 public:
  using Input = std::tuple<PreparedSlice, OrderedSnapshot>;
  using Output = std::vector<Tile>;

  explicit Tiler(TileGrid grid);

  Output operator()(const Input& input) const;

 private:
  TileGrid grid_;
};

}  // namespace fibflow::nodes
