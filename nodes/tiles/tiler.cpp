#include "nodes/tiles/tiler.h"

#include <stdexcept>
#include <string>
#include <utility>

namespace fibflow::nodes {

Tiler::Tiler(TileGrid grid) : grid_(std::move(grid)) {}

void Tiler::require_size(const io::Slice& slice) const {
  if (slice.height() != grid_.height() || slice.width() != grid_.width()) {
    throw BadSlice("the slice is " + std::to_string(slice.height()) + " x " + std::to_string(slice.width()) +
                   " pixels, the stack " + std::to_string(grid_.height()) + " x " +
                   std::to_string(grid_.width()));
  }
}

Tiler::Output Tiler::operator()(const Input& input) const {
  const auto& [prepared, snapshot] = input;
  if (prepared.order != snapshot.order) throw std::logic_error("a slice met the statistics of another slice");
  require_size(prepared.slice);
  const auto job = std::make_shared<const SliceJob>(SliceJob{prepared, snapshot.snapshot});
  Output tiles;
  tiles.reserve(static_cast<std::size_t>(grid_.size()));
  for (int i = 0; i < grid_.size(); ++i) tiles.push_back({job, i, grid_.core(i)});
  return tiles;
}

}  // namespace fibflow::nodes
