#include "io/stack_view.h"

#include <stdexcept>

namespace fibflow::io {

StackView::StackView(Stack& stack, const Margins& crop, const VoxelSize& voxel_nm)
    : stack_(stack), kept_(crop.within(stack.info().height, stack.info().width)), info_(stack.info()) {
  if (crop.top < 0 || crop.bottom < 0 || crop.left < 0 || crop.right < 0) {
    throw std::invalid_argument("what is cut off cannot be negative");
  }
  if (kept_.y.size() < 1 || kept_.x.size() < 1) {
    throw std::invalid_argument(info_.path + ": its slices have " + std::to_string(info_.width) + " x " +
                                std::to_string(info_.height) + " voxels: cutting " +
                                std::to_string(crop.top) + " rows off at the top, " +
                                std::to_string(crop.bottom) + " at the bottom, " + std::to_string(crop.left) +
                                " columns at the left and " + std::to_string(crop.right) +
                                " at the right leaves nothing");
  }
  info_.height = static_cast<int>(kept_.y.size());
  info_.width = static_cast<int>(kept_.x.size());
  info_.cropped = crop;
  info_.not_image = {};
  // A part of a slice is decoded beside the rest.
  if (!crop.empty()) info_.decoding_bytes += stack.info().slice_bytes() - info_.slice_bytes();
  for (const auto axis : {&VoxelSize::z, &VoxelSize::y, &VoxelSize::x}) {
    if (voxel_nm.*axis > 0) info_.voxel_nm.*axis = voxel_nm.*axis;
  }
  if (voxel_nm.z > 0 || voxel_nm.y > 0 || voxel_nm.x > 0) info_.voxel_source = "given";
}

Slice StackView::read(std::int64_t z) {
  return info_.cropped.empty() ? stack_.read(z) : stack_.read_region(z, kept_);
}

Slice StackView::read_region(std::int64_t z, const Region& region) {
  require_inside(info_, region);
  const auto shifted = [](const Interval& part, const Interval& kept) {
    return Interval{kept.begin + part.begin, kept.begin + part.end};
  };
  return stack_.read_region(z, {shifted(region.y, kept_.y), shifted(region.x, kept_.x)});
}

}  // namespace fibflow::io
