#include "pipeline/pictures/live_picture.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "pipeline/pictures/preview.h"

namespace fibflow::pipeline {
namespace {

/// The pixels [begin, end) of a line of `full` that one of `small` pixels stands for.
std::pair<int, int> covered(int at, int small, int full) {
  const auto edge = [&](int i) { return static_cast<int>(std::int64_t{i} * full / small); };
  return {edge(at), std::max(edge(at) + 1, edge(at + 1))};
}

/// Means of boxes; 0 where nothing finite is.
template <typename T>
std::vector<float> boxes(const io::Slice& slice, int height, int width) {
  const auto voxels = slice.as<T>();
  std::vector<float> means;
  means.reserve(static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
  for (int i = 0; i < height; ++i) {
    const auto [top, bottom] = covered(i, height, slice.height());
    for (int j = 0; j < width; ++j) {
      const auto [left, right] = covered(j, width, slice.width());
      double sum = 0;
      int count = 0;
      for (int y = top; y < bottom; ++y) {
        const std::size_t row = static_cast<std::size_t>(y) * static_cast<std::size_t>(slice.width());
        for (int x = left; x < right; ++x) {
          const auto value = static_cast<double>(voxels[row + static_cast<std::size_t>(x)]);
          if (!std::isfinite(value)) continue;
          sum += value;
          ++count;
        }
      }
      means.push_back(count > 0 ? static_cast<float>(sum / count) : 0);
    }
  }
  return means;
}

std::vector<float> boxes(const io::Slice& slice, int height, int width) {
  switch (slice.type()) {
    case io::PixelType::u8:
      return boxes<std::uint8_t>(slice, height, width);
    case io::PixelType::u16:
      return boxes<std::uint16_t>(slice, height, width);
    case io::PixelType::f32:
      return boxes<float>(slice, height, width);
  }
  return {};
}

}  // namespace

LivePicture make_live_picture(std::int64_t z, const io::Slice& image, const io::Slice& mask,
                              int longest_side) {
  if (mask.height() != image.height() || mask.width() != image.width() || image.height() <= 0 ||
      mask.type() != io::PixelType::u8 || longest_side <= 0) {
    throw std::invalid_argument("no picture of a slice and a mask that do not fit");
  }
  const double shrink =
      std::min(1.0, static_cast<double>(longest_side) / std::max(image.height(), image.width()));
  LivePicture picture;
  picture.z = z;
  picture.height = std::max(1, static_cast<int>(std::lround(image.height() * shrink)));
  picture.width = std::max(1, static_cast<int>(std::lround(image.width() * shrink)));
  const std::vector<float> means = boxes(image, picture.height, picture.width);
  const auto [low, high] = display_range(means);
  picture.image = std::make_shared<const std::vector<std::uint8_t>>(gray_levels(means, low, high));
  std::vector<std::uint8_t> classes;
  classes.reserve(picture.image->size());
  const auto labels = mask.as<std::uint8_t>();
  for (int i = 0; i < picture.height; ++i) {
    const auto row = static_cast<std::size_t>(covered(i, picture.height, mask.height()).first) *
                     static_cast<std::size_t>(mask.width());
    for (int j = 0; j < picture.width; ++j) {
      classes.push_back(
          labels[row + static_cast<std::size_t>(covered(j, picture.width, mask.width()).first)]);
    }
  }
  picture.mask = std::make_shared<const std::vector<std::uint8_t>>(std::move(classes));
  return picture;
}

}  // namespace fibflow::pipeline
