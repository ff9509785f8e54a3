#include "nodes/tiles/tiler.h"

#include <stdexcept>
#include <utility>

#include "nodes/intensity/intensity.h"

namespace fibflow::nodes {

Tiler::Tiler(TileGrid grid) : grid_(std::move(grid)) {}

Tiler::Output Tiler::operator()(const Input& input) const {
  const auto& [prepared, snapshot] = input;
  if (prepared.order != snapshot.order) throw std::logic_error("a slice met the statistics of another slice");
  require_size(prepared.slice, grid_.height(), grid_.width());
  const auto job = std::make_shared<const SliceJob>(SliceJob{prepared, snapshot.snapshot});
  Output tiles;
  tiles.reserve(static_cast<std::size_t>(grid_.size()));
  for (int i = 0; i < grid_.size(); ++i) tiles.push_back({job, i, grid_.core(i)});
  return tiles;
}

}  // namespace fibflow::nodes
