#include "io/stack.h"

#include <stdexcept>

namespace fibflow::io {

const char* name_of(FileOrder order) {
  switch (order) {
    case FileOrder::number:
      return "number";
    case FileOrder::name:
      return "name";
    case FileOrder::time:
      return "time";
  }
  throw std::logic_error("unknown order of files");
}

std::size_t StackInfo::slice_bytes() const {
  return static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * bytes_per_voxel(type);
}

Slice Stack::read_region(std::int64_t z, const Region& region) {
  require_inside(info(), region);
  return read(z).part(region);
}

void Stack::require_readable(const Interval&) const {}

Interval Stack::cheap_together(std::int64_t z) const {
  return {z, z + 1};
}

void require_inside(const StackInfo& info, const Region& region) {
  if (region.y.size() > 0 && region.x.size() > 0 && region.y.begin >= 0 && region.x.begin >= 0 &&
      region.y.end <= info.height && region.x.end <= info.width)
    return;
  throw std::invalid_argument(
      "a region of rows " + std::to_string(region.y.begin) + " to " + std::to_string(region.y.end - 1) +
      " and columns " + std::to_string(region.x.begin) + " to " + std::to_string(region.x.end - 1) +
      " does not lie in slices of " + std::to_string(info.height) + " x " + std::to_string(info.width));
}

}  // namespace fibflow::io
