#include "nodes/intensity/intensity_sample.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>

namespace fibflow::nodes {
namespace {

constexpr int most_per_side = 256;
constexpr double filled_share = 0.05;

template <typename Voxel>
void sample(std::span<const Voxel> voxels, int height, int width, std::vector<float>& into) {
  // Middles of equal parts: no edge is preferred.
  const auto place = [](int i, int parts, int size) {
    return static_cast<std::size_t>((2 * std::int64_t{i} + 1) * size / (2 * std::int64_t{parts}));
  };
  const int rows = std::min(height, most_per_side);
  const int columns = std::min(width, most_per_side);
  for (int r = 0; r < rows; ++r) {
    const auto row = voxels.subspan(place(r, rows, height) * static_cast<std::size_t>(width),
                                    static_cast<std::size_t>(width));
    for (int c = 0; c < columns; ++c) into.push_back(static_cast<float>(row[place(c, columns, width)]));
  }
}

template <typename Visitor>
void visit(const io::Slice& slice, const Visitor& visitor) {
  switch (slice.type()) {
    case io::PixelType::u8:
      return visitor(slice.as<std::uint8_t>());
    case io::PixelType::u16:
      return visitor(slice.as<std::uint16_t>());
    case io::PixelType::f32:
      return visitor(slice.as<float>());
  }
  throw std::logic_error("unknown pixel type");
}

}  // namespace

void IntensitySample::add(const io::Slice& slice) {
  require_finite(slice);
  visit(slice, [&](const auto voxels) {
    const auto [low, high] = std::minmax_element(voxels.begin(), voxels.end());
    lowest_ = empty() ? static_cast<double>(*low) : std::min(lowest_, static_cast<double>(*low));
    highest_ = empty() ? static_cast<double>(*high) : std::max(highest_, static_cast<double>(*high));
    sample(voxels, slice.height(), slice.width(), voxels_);
  });
  moments_.merge(measure_voxels(slice));
}

std::vector<double> IntensitySample::tissue() const {
  std::vector<double> sorted(voxels_.begin(), voxels_.end());
  std::sort(sorted.begin(), sorted.end());
  if (sorted.empty() || sorted.front() == sorted.back()) return sorted;
  const auto is_filled = [&](std::ptrdiff_t count) {
    return static_cast<double>(count) > filled_share * static_cast<double>(voxels_.size());
  };
  const auto low = std::upper_bound(sorted.begin(), sorted.end(), sorted.front());
  const auto high = std::lower_bound(sorted.begin(), sorted.end(), sorted.back());
  const auto begin = is_filled(low - sorted.begin()) ? low : sorted.begin();
  const auto end = is_filled(sorted.end() - high) ? high : sorted.end();
  // Two values only: there is nothing between them.
  if (begin >= end) return sorted;
  return {begin, end};
}

IntensityMoments IntensitySample::moments_of_tissue() const {
  const std::vector<double> values = tissue();
  if (values.size() == voxels_.size()) return moments_;
  IntensityMoments moments;
  moments.count = static_cast<double>(values.size());
  for (const double value : values) moments.mean += value / moments.count;
  for (const double value : values) moments.squares += (value - moments.mean) * (value - moments.mean);
  return moments;
}

std::vector<double> IntensitySample::quantiles(int count) const {
  const std::vector<double> values = tissue();
  std::vector<double> result;
  for (int i = 0; i < count && !values.empty(); ++i) {
    result.push_back(
        values[static_cast<std::size_t>((i + 0.5) / count * static_cast<double>(values.size()))]);
  }
  return result;
}

std::vector<std::int64_t> IntensitySample::histogram(const IntensityRange& range, int bins) const {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(bins));
  const std::vector<double> values = tissue();
  for (const double value : values) {
    const double bin = std::clamp(std::floor(range.intensity_of(value) * bins), 0.0, bins - 1.0);
    ++counts[static_cast<std::size_t>(bin)];
  }
  constexpr double million = 1e6;
  for (std::int64_t& count : counts)
    count = std::llround(million * static_cast<double>(count) / static_cast<double>(values.size()));
  return counts;
}

}  // namespace fibflow::nodes
