#include "io/stack_view.h"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

namespace fibflow::io {

Region kept_of(const StackInfo& info, const Margins& crop) {
  if (crop.top < 0 || crop.bottom < 0 || crop.left < 0 || crop.right < 0) {
    throw std::invalid_argument("what is cut off cannot be negative");
  }
  const Region kept = crop.within(info.height, info.width);
  if (kept.y.size() < 1 || kept.x.size() < 1) {
    throw std::invalid_argument(info.path + ": its slices have " + std::to_string(info.width) + " x " +
                                std::to_string(info.height) + " voxels: cutting " + std::to_string(crop.top) +
                                " rows off at the top, " + std::to_string(crop.bottom) + " at the bottom, " +
                                std::to_string(crop.left) + " columns at the left and " +
                                std::to_string(crop.right) + " at the right leaves nothing");
  }
  return kept;
}

StackView::StackView(Stack& stack, const Margins& crop, const VoxelSize& voxel_nm, int neighbours)
    : stack_(stack), kept_(kept_of(stack.info(), crop)), info_(stack.info()), neighbours_(neighbours) {
  if (neighbours < 1 || neighbours % 2 == 0)
    throw std::invalid_argument("a slice and its neighbours are an odd number of slices");
  info_.height = static_cast<int>(kept_.y.size());
  info_.width = static_cast<int>(kept_.x.size());
  info_.cropped = crop;
  info_.not_image = {};
  // A part of a slice is decoded beside the rest.
  if (!crop.empty()) info_.decoding_bytes += stack.info().slice_bytes() - info_.slice_bytes();
  info_.decoding_bytes += static_cast<std::size_t>(neighbours - 1) * info_.slice_bytes();
  info_.voxel_nm = info_.voxel_nm.replaced_by(voxel_nm);
  if (voxel_nm.z > 0 || voxel_nm.y > 0 || voxel_nm.x > 0) info_.voxel_source = "given";
}

Slice StackView::read(std::int64_t z) {
  return read_region(z, {{0, info_.height}, {0, info_.width}});
}

Slice StackView::read_region(std::int64_t z, const Region& region) {
  require_inside(info_, region);
  Slice slice = read_one(z, region);
  if (neighbours_ == 1) return slice;
  std::vector<Slice> around;
  const std::int64_t reach = neighbours_ / 2;
  for (std::int64_t other = z - reach; other <= z + reach; ++other) {
    around.push_back(other == z ? slice
                                : read_one(std::clamp<std::int64_t>(other, 0, info_.depth - 1), region));
  }
  std::erase_if(recent_,
                [&](const auto& entry) { return entry.first < z - reach || entry.first > z + reach; });
  return slice.among(std::move(around));
}

Slice StackView::read_one(std::int64_t z, const Region& region) {
  const bool whole = region == Region{{0, info_.height}, {0, info_.width}};
  if (const auto found = recent_.find(z); found != recent_.end()) {
    return whole ? found->second : found->second.part(region);
  }
  if (whole && info_.cropped.empty()) {
    Slice slice = stack_.read(z);
    if (neighbours_ > 1) recent_.emplace(z, slice);
    return slice;
  }
  const auto shifted = [](const Interval& part, const Interval& kept) {
    return Interval{kept.begin + part.begin, kept.begin + part.end};
  };
  Slice slice = stack_.read_region(z, {shifted(region.y, kept_.y), shifted(region.x, kept_.x)});
  if (whole && neighbours_ > 1) recent_.emplace(z, slice);
  return slice;
}

}  // namespace fibflow::io
