#include "nodes/scale/resampler.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "nodes/intensity/with_neighbours.h"

namespace fibflow::nodes {
namespace {

template <typename T>
T stored(float value) {
  if constexpr (std::is_floating_point_v<T>) {
    return value;
  } else {
    constexpr auto most = static_cast<float>(std::numeric_limits<T>::max());
    return static_cast<T>(std::lround(std::clamp(value, 0.0F, most)));
  }
}

}  // namespace

GridSize GridSize::at(const Scale& scale) const {
  const auto scaled = [](int pixels, double by) {
    return std::max(1, static_cast<int>(std::lround(pixels * by)));
  };
  return {scaled(height, scale.y), scaled(width, scale.x)};
}

Resampler::Resampler(GridSize from, GridSize to) : from_(from), to_(to) {
  if (from.height < 1 || from.width < 1 || to.height < 1 || to.width < 1)
    throw std::invalid_argument("a grid has at least one pixel");
  of_row_ = taps(from.height, to.height);
  of_column_ = taps(from.width, to.width);
}

/// In whole numbers, so that no rounding decides which pixels belong to another.
std::vector<Resampler::Taps> Resampler::taps(int from, int to) {
  std::vector<Taps> all(static_cast<std::size_t>(to));
  const std::int64_t old_pixels = from;
  const std::int64_t new_pixels = to;
  for (std::int64_t i = 0; i < new_pixels; ++i) {
    Taps& of_pixel = all[static_cast<std::size_t>(i)];
    if (to <= from) {
      // In units of 1 / to of an old pixel, the new one covers [begin, end).
      const std::int64_t begin = i * old_pixels;
      const std::int64_t end = begin + old_pixels;
      of_pixel.first = static_cast<int>(begin / new_pixels);
      for (std::int64_t at = begin; at < end;) {
        const std::int64_t next = std::min(end, (at / new_pixels + 1) * new_pixels);
        of_pixel.weights.push_back(static_cast<float>(next - at) / static_cast<float>(old_pixels));
        at = next;
      }
    } else {
      // Its centre lies this many (2 to)ths behind the centre of the first old pixel.
      const std::int64_t centre = std::clamp<std::int64_t>((2 * i + 1) * old_pixels - new_pixels, 0,
                                                           2 * new_pixels * (old_pixels - 1));
      of_pixel.first = static_cast<int>(centre / (2 * new_pixels));
      const float behind = static_cast<float>(centre % (2 * new_pixels)) / static_cast<float>(2 * new_pixels);
      of_pixel.weights.push_back(1 - behind);
      if (behind > 0) of_pixel.weights.push_back(behind);
    }
  }
  return all;
}

void Resampler::rows(const AddRow& add, const TakeRow& take) const {
  std::vector<float> sums(static_cast<std::size_t>(from_.width));
  std::vector<float> row(static_cast<std::size_t>(to_.width));
  const bool as_wide = from_.width == to_.width;
  for (int y = 0; y < to_.height; ++y) {
    const Taps& of_row = of_row_[static_cast<std::size_t>(y)];
    std::ranges::fill(sums, 0.0F);
    for (std::size_t i = 0; i < of_row.weights.size(); ++i)
      add(of_row.first + static_cast<int>(i), of_row.weights[i], sums);
    if (as_wide) {
      take(y, sums);
      continue;
    }
    for (std::size_t x = 0; x < row.size(); ++x) {
      const Taps& of_column = of_column_[x];
      float sum = 0;
      for (std::size_t i = 0; i < of_column.weights.size(); ++i)
        sum += of_column.weights[i] * sums[static_cast<std::size_t>(of_column.first) + i];
      row[x] = sum;
    }
    take(y, row);
  }
}

io::Slice Resampler::operator()(const io::Slice& slice) const {
  if (slice.height() != from_.height || slice.width() != from_.width)
    throw std::logic_error("the slice is not of the size that is to be scaled");
  if (changes_nothing()) return slice;
  const auto scaled = [&]<typename T>(const io::Slice& one, T) {
    const std::size_t width = static_cast<std::size_t>(to_.width);
    auto bytes =
        std::make_shared_for_overwrite<std::byte[]>(static_cast<std::size_t>(to_.height) * width * sizeof(T));
    auto* out = reinterpret_cast<T*>(bytes.get());
    const T* voxels = one.as<T>().data();
    rows(
        [&](int row, float weight, std::span<float> sums) {
          const T* from = voxels + static_cast<std::ptrdiff_t>(row) * from_.width;
          for (std::size_t x = 0; x < sums.size(); ++x) sums[x] += weight * static_cast<float>(from[x]);
        },
        [&](int row, std::span<const float> values) {
          std::ranges::transform(values, out + static_cast<std::size_t>(row) * width, stored<T>);
        });
    return io::Slice(one.z(), to_.height, to_.width, one.type(), std::move(bytes));
  };
  const auto of_type = [&](const io::Slice& one) {
    switch (one.type()) {
      case io::PixelType::u8:
        return scaled(one, std::uint8_t{});
      case io::PixelType::u16:
        return scaled(one, std::uint16_t{});
      case io::PixelType::f32:
        return scaled(one, float{});
    }
    throw std::logic_error("unknown pixel type");
  };
  return with_neighbours(slice, of_type);
}

}  // namespace fibflow::nodes
