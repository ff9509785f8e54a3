#include "nodes/intensity/intensity.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace fibflow::nodes {
namespace {

/// How often each value occurs; for the integer types this is all there is to know about the intensities.
template <typename T>
std::vector<std::int64_t> histogram(std::span<const T> voxels) {
  std::vector<std::int64_t> counts(std::size_t{1} << (8 * sizeof(T)));
  for (const T voxel : voxels) ++counts[voxel];
  return counts;
}

template <typename T>
IntensityMoments moments_of_integers(std::span<const T> voxels) {
  const auto counts = histogram(voxels);
  IntensityMoments moments;
  moments.count = static_cast<double>(voxels.size());
  // The sum of integers is exact, and with it the mean of voxels that are all the same: their deviation must be 0.
  std::int64_t sum = 0;
  for (std::size_t v = 0; v < counts.size(); ++v) sum += counts[v] * static_cast<std::int64_t>(v);
  moments.mean = static_cast<double>(sum) / moments.count;
  for (std::size_t v = 0; v < counts.size(); ++v) {
    const double d = static_cast<double>(v) - moments.mean;
    moments.squares += static_cast<double>(counts[v]) * d * d;
  }
  return moments;
}

IntensityMoments moments_of_floats(std::span<const float> voxels) {
  IntensityMoments moments;
  moments.count = static_cast<double>(voxels.size());
  for (const float v : voxels) moments.mean += v;
  moments.mean /= moments.count;
  for (const float v : voxels) moments.squares += (v - moments.mean) * (v - moments.mean);
  return moments;
}

/// The value of the given rank, counted from 0, among all voxels.
template <typename T>
double value_of_rank(const std::vector<std::int64_t>& counts, std::int64_t rank) {
  std::size_t value = 0;
  for (std::int64_t below = counts[0]; below <= rank; below += counts[value]) ++value;
  return static_cast<double>(value);
}

template <typename T>
double percentile_of_integers(std::span<const T> voxels, double position) {
  const auto counts = histogram(voxels);
  const auto rank = static_cast<std::int64_t>(position);
  const auto last = static_cast<std::int64_t>(voxels.size()) - 1;
  const double low = value_of_rank<T>(counts, rank);
  const double high = value_of_rank<T>(counts, std::min(rank + 1, last));
  return low + (position - static_cast<double>(rank)) * (high - low);
}

double percentile_of_floats(std::span<const float> voxels, double position) {
  std::vector<float> sorted(voxels.begin(), voxels.end());
  const auto rank = sorted.begin() + static_cast<std::ptrdiff_t>(position);
  std::nth_element(sorted.begin(), rank, sorted.end());
  const double low = *rank;
  const double high = rank + 1 == sorted.end() ? low : *std::min_element(rank + 1, sorted.end());
  return low + (position - std::floor(position)) * (high - low);
}

}  // namespace

void IntensityMoments::merge(const IntensityMoments& other) {
  if (other.count == 0) return;
  if (count == 0) {
    *this = other;  // a mean times its count divided by its count need not be that mean
    return;
  }
  const double total = count + other.count;
  const double d = other.mean - mean;
  squares += other.squares + d * d * count * other.count / total;
  mean += d * other.count / total;
  count = total;
}

double IntensityMoments::deviation() const {
  return count > 0 ? std::sqrt(squares / count) : 0;
}

IntensityMoments IntensityMoments::in(const IntensityRange& range) const {
  const double span = range.white - range.black;
  return {count, range.intensity_of(mean), squares / (span * span)};
}

IntensityMoments measure_voxels(const io::Slice& slice) {
  switch (slice.type()) {
    case io::PixelType::u8:
      return moments_of_integers(slice.as<std::uint8_t>());
    case io::PixelType::u16:
      return moments_of_integers(slice.as<std::uint16_t>());
    case io::PixelType::f32:
      return moments_of_floats(slice.as<float>());
  }
  throw std::logic_error("unknown pixel type");
}

double voxel_percentile(const io::Slice& slice, double percent) {
  const double voxels = static_cast<double>(slice.height()) * slice.width();
  const double position = percent / 100 * (voxels - 1);
  switch (slice.type()) {
    case io::PixelType::u8:
      return percentile_of_integers(slice.as<std::uint8_t>(), position);
    case io::PixelType::u16:
      return percentile_of_integers(slice.as<std::uint16_t>(), position);
    case io::PixelType::f32:
      return percentile_of_floats(slice.as<float>(), position);
  }
  throw std::logic_error("unknown pixel type");
}

void require_size(const io::Slice& slice, int height, int width) {
  if (slice.height() == height && slice.width() == width) return;
  throw BadSlice("the slice is " + std::to_string(slice.height()) + " x " + std::to_string(slice.width()) +
                 " pixels, the stack " + std::to_string(height) + " x " + std::to_string(width));
}

void require_finite(const io::Slice& slice) {
  if (slice.type() != io::PixelType::f32) return;
  const auto voxels = slice.as<float>();
  const auto bad = std::find_if(voxels.begin(), voxels.end(), [](float v) { return !std::isfinite(v); });
  if (bad == voxels.end()) return;
  const auto index = bad - voxels.begin();
  throw BadSlice("the pixel in row " + std::to_string(index / slice.width()) + ", column " +
                 std::to_string(index % slice.width()) + " is " +
                 (std::isnan(*bad) ? "not a number" : "infinite"));
}

}  // namespace fibflow::nodes
