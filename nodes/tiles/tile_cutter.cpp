#include "nodes/tiles/tile_cutter.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace fibflow::nodes {
namespace {

int mirrored(int index, int size) {
  if (size == 1) return 0;
  const int period = 2 * (size - 1);
  const int phase = (index % period + period) % period;
  return phase < size ? phase : period - phase;
}

std::vector<int> mirrored_indices(const model::Interval& interval, int size) {
  std::vector<int> indices;
  indices.reserve(static_cast<std::size_t>(interval.size()));
  for (int i = interval.begin; i < interval.end; ++i) indices.push_back(mirrored(i, size));
  return indices;
}

template <typename T>
void cut_plane(const io::Slice& slice, const Affine& affine, const model::Region& region, float* out) {
  const std::vector<int> rows = mirrored_indices(region.y, slice.height());
  const std::vector<int> columns = mirrored_indices(region.x, slice.width());
  const model::Interval inside = intersection(region.x, {0, slice.width()});
  const auto scale = static_cast<float>(affine.scale);
  const auto shift = static_cast<float>(affine.shift);
  const T* voxels = slice.as<T>().data();
  const auto normalized = [scale, shift](T voxel) { return static_cast<float>(voxel) * scale + shift; };
  for (const int y : rows) {
    const T* row = voxels + static_cast<std::ptrdiff_t>(y) * slice.width();
    int x = region.x.begin;
    for (; x < std::min(inside.begin, region.x.end); ++x)
      *out++ = normalized(row[columns[x - region.x.begin]]);
    for (; x < inside.end; ++x) *out++ = normalized(row[x]);
    for (; x < region.x.end; ++x) *out++ = normalized(row[columns[x - region.x.begin]]);
  }
}

}  // namespace

void cut_tile(const io::Slice& slice, const Affine& affine, const model::Region& region, int channels,
              std::span<float> output) {
  const auto plane = static_cast<std::size_t>(region.area());
  if (plane == 0 || channels <= 0 || output.size() != plane * static_cast<std::size_t>(channels)) {
    throw std::logic_error("the region to cut and the network's input differ in size");
  }
  const auto cut = [&](const io::Slice& one, float* out) {
    switch (one.type()) {
      case io::PixelType::u8:
        return cut_plane<std::uint8_t>(one, affine, region, out);
      case io::PixelType::u16:
        return cut_plane<std::uint16_t>(one, affine, region, out);
      case io::PixelType::f32:
        return cut_plane<float>(one, affine, region, out);
    }
  };
  const bool alone = slice.neighbours() == 1;
  if (!alone && slice.neighbours() != static_cast<std::size_t>(channels)) {
    throw std::logic_error("the network has another number of channels than the slice has neighbours");
  }
  cut(slice.neighbour(0), output.data());
  for (int c = 1; c < channels; ++c) {
    float* to = output.data() + plane * static_cast<std::size_t>(c);
    if (alone) {
      std::copy_n(output.data(), plane, to);
    } else {
      cut(slice.neighbour(static_cast<std::size_t>(c)), to);
    }
  }
}

}  // namespace fibflow::nodes
