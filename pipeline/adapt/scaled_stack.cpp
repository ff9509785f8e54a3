#include "pipeline/adapt/scaled_stack.h"

namespace fibflow::pipeline {

io::StackInfo on_grid(io::StackInfo stack, const nodes::GridSize& grid) {
  if (grid == nodes::GridSize{stack.height, stack.width}) return stack;
  stack.decoding_bytes += stack.slice_bytes();
  stack.voxel_nm.y *= static_cast<double>(stack.height) / grid.height;
  stack.voxel_nm.x *= static_cast<double>(stack.width) / grid.width;
  stack.height = grid.height;
  stack.width = grid.width;
  return stack;
}

io::Slice ScaledStack::read_region(std::int64_t z, const io::Region& region) {
  if (!scaler_.to_network().changes_nothing()) return io::Stack::read_region(z, region);
  return scaler_.gray_levels()(stack_.read_region(z, region));
}

}  // namespace fibflow::pipeline
