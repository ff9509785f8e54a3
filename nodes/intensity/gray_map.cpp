#include "nodes/intensity/gray_map.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <utility>

#include "nodes/intensity/with_neighbours.h"

namespace fibflow::nodes {
namespace {

bool are_quantiles(const std::vector<double>& values) {
  return !values.empty() && std::ranges::is_sorted(values) &&
         std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
}

template <typename T, typename Change>
io::Slice changed(const io::Slice& slice, const Change& change) {
  auto bytes = std::make_shared_for_overwrite<std::byte[]>(slice.size_bytes());
  std::ranges::transform(slice.as<T>(), reinterpret_cast<T*>(bytes.get()),
                         [&](T voxel) { return static_cast<T>(change(voxel)); });
  return io::Slice(slice.z(), slice.height(), slice.width(), slice.type(), std::move(bytes));
}

}  // namespace

GrayMap::GrayMap(io::PixelType type, const IntensityRange& range, const std::vector<double>& stack,
                 const std::vector<double>& training) {
  if (!are_quantiles(stack) || !are_quantiles(training) || stack.size() != training.size())
    throw std::invalid_argument("the quantiles of gray levels do not fit");
  Knots knots{type, range, {}, {}, 1, {}};
  std::vector<double> intensities;
  for (const double voxel : stack) intensities.push_back(range.intensity_of(voxel));
  if (range.is_inverted()) std::ranges::reverse(intensities);
  for (std::size_t i = 0; i < intensities.size();) {
    // One value at several ranks gets the mean of what lies there.
    std::size_t end = i;
    double sum = 0;
    while (end < intensities.size() && intensities[end] == intensities[i]) sum += training[end++];
    knots.from.push_back(intensities[i]);
    knots.to.push_back(sum / static_cast<double>(end - i));
    i = end;
  }
  if (knots.from.size() > 1)
    knots.slope = (knots.to.back() - knots.to.front()) / (knots.from.back() - knots.from.front());
  if (type != io::PixelType::f32) {
    const double most = type == io::PixelType::u8 ? std::numeric_limits<std::uint8_t>::max()
                                                  : std::numeric_limits<std::uint16_t>::max();
    for (double voxel = 0; voxel <= most; ++voxel)
      knots.table.push_back(
          static_cast<std::uint16_t>(std::clamp(std::round(knots.mapped(voxel)), 0.0, most)));
  }
  knots_ = std::make_shared<const Knots>(std::move(knots));
}

double GrayMap::operator()(double voxel) const {
  return changes_nothing() ? voxel : knots_->mapped(voxel);
}

double GrayMap::Knots::mapped(double voxel) const {
  const double intensity = range.intensity_of(voxel);
  const double result = [&] {
    if (intensity <= from.front()) return to.front() + slope * (intensity - from.front());
    if (intensity >= from.back()) return to.back() + slope * (intensity - from.back());
    const auto above = static_cast<std::size_t>(std::ranges::upper_bound(from, intensity) - from.begin());
    const double part = (intensity - from[above - 1]) / (from[above] - from[above - 1]);
    return to[above - 1] + part * (to[above] - to[above - 1]);
  }();
  return range.black + result * (range.white - range.black);
}

io::Slice GrayMap::of_one(const io::Slice& slice) const {
  if (slice.type() != knots_->type) throw std::logic_error("a slice is not of its stack's type");
  const auto looked_up = [&](std::size_t voxel) { return knots_->table[voxel]; };
  switch (slice.type()) {
    case io::PixelType::u8:
      return changed<std::uint8_t>(slice, looked_up);
    case io::PixelType::u16:
      return changed<std::uint16_t>(slice, looked_up);
    case io::PixelType::f32:
      return changed<float>(slice, *this);
  }
  throw std::logic_error("unknown pixel type");
}

io::Slice GrayMap::operator()(const io::Slice& slice) const {
  if (changes_nothing()) return slice;
  return with_neighbours(slice, [this](const io::Slice& one) { return of_one(one); });
}

}  // namespace fibflow::nodes
