#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "io/phantom/phantom.h"

/// What the phantom's tests measure with.
namespace fibflow::io {

using Bytes = std::vector<std::uint8_t>;

inline Bytes bytes_of(const Slice& slice) {
  const auto voxels = slice.as<std::uint8_t>();
  return {voxels.begin(), voxels.end()};
}

constexpr PhantomAcquisition no_effects{
    .shot_noise = 0, .curtaining = 0, .charging = 0, .drift = 0, .jitter = 0, .defocus = 0};

inline PhantomParameters small(Fixation fixation = Fixation::chemical) {
  PhantomParameters p;
  p.fixation = fixation;
  p.depth = 24;
  p.height = 160;
  p.width = 200;
  p.seed = 7;
  return p;
}

/// Large enough for shares to mean something: 3 x 3 x 1 um.
inline PhantomParameters roomy(Fixation fixation) {
  PhantomParameters p;
  p.fixation = fixation;
  p.depth = 128;
  p.height = 384;
  p.width = 384;
  p.seed = 21;
  p.acquisition = no_effects;
  return p;
}

inline std::size_t at(int row, int column, int width) {
  return static_cast<std::size_t>(row) * static_cast<std::size_t>(width) + static_cast<std::size_t>(column);
}

struct Moments {
  double mean = 0;
  double variance = 0;
};

inline Moments moments_where(const Bytes& image, const std::function<bool(std::size_t)>& chosen) {
  double n = 0, sum = 0, squares = 0;
  for (std::size_t k = 0; k < image.size(); ++k) {
    if (chosen(k)) {
      n += 1;
      sum += image[k];
      squares += static_cast<double>(image[k]) * image[k];
    }
  }
  EXPECT_GT(n, 100) << "too few voxels to measure";
  return {sum / n, squares / n - sum / n * (sum / n)};
}

inline Moments moments(const Bytes& image) {
  return moments_where(image, [](std::size_t) { return true; });
}

inline double iou(const Bytes& a, const Bytes& b) {
  double both = 0, either = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    both += a[k] != 0 && b[k] != 0;
    either += a[k] != 0 || b[k] != 0;
  }
  return either > 0 ? both / either : 1;
}

/// Labelled voxels whose neighbours up to `margin` along each axis are labelled too.
inline Bytes eroded(const Bytes& labels, int height, int width, int margin) {
  Bytes inner(labels.size(), 0);
  for (int r = margin; r < height - margin; ++r) {
    for (int c = margin; c < width - margin; ++c) {
      const auto near = [&](int dr, int dc) { return labels[at(r + dr, c + dc, width)]; };
      inner[at(r, c, width)] =
          near(0, 0) & near(margin, 0) & near(-margin, 0) & near(0, margin) & near(0, -margin);
    }
  }
  return inner;
}

}  // namespace fibflow::io
