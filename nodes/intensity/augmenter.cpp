#include "nodes/intensity/augmenter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

namespace fibflow::nodes {
namespace {

void require_within(double value, double low, double high, const char* name) {
  if (value >= low && value <= high) return;
  throw std::invalid_argument(std::string("augmentation: ") + name + " must be between " +
                              std::to_string(low) + " and " + std::to_string(high));
}

/// The pixel inside that i stands for, mirrored at the borders as often as it takes.
int mirrored(int i, int size) {
  if (i >= 0 && i < size) return i;
  if (size == 1) return 0;
  const int period = 2 * (size - 1);
  i %= period;
  if (i < 0) i += period;
  return i < size ? i : period - i;
}

/// The weights of the four cubic B-splines that are not 0 at `share` of the way between two grid points.
std::array<float, 4> spline(float share) {
  const float s = share;
  const float r = 1 - s;
  return {r * r * r / 6, (4 - 6 * s * s + 3 * s * s * s) / 6, (4 - 6 * r * r + 3 * r * r * r) / 6,
          s * s * s / 6};
}

/// A factor whose logarithm is uniform, so that up and down are alike.
double factor(Random& random, double range) {
  return std::exp(random.uniform(-1, 1) * std::log1p(range));
}

/// A smooth field of displacements: cubic B-splines on a grid of random points.
class Displacements {
 public:
  Displacements() = default;

  Displacements(Random& random, int height, int width, double deviation, double spacing)
      : spacing_(static_cast<float>(spacing)) {
    columns_ = static_cast<int>(width / spacing) + 4;
    const int rows = static_cast<int>(height / spacing) + 4;
    // A field of B-splines varies less than its points: sum of squared weights is 0.23 on average in 2-D.
    const double points = deviation / 0.48;
    y_.resize(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns_));
    x_.resize(y_.size());
    for (std::size_t i = 0; i < y_.size(); ++i) {
      y_[i] = static_cast<float>(points * random.normal());
      x_[i] = static_cast<float>(points * random.normal());
    }
  }

  bool empty() const { return y_.empty(); }

  /// Collapses the grid's rows to the points of one image row.
  void set_row(int row) {
    const float at = static_cast<float>(row) / spacing_;
    const int first = static_cast<int>(at);
    const auto weights = spline(at - static_cast<float>(first));
    row_y_.assign(static_cast<std::size_t>(columns_), 0);
    row_x_.assign(static_cast<std::size_t>(columns_), 0);
    for (int k = 0; k < 4; ++k) {
      const std::size_t begin = static_cast<std::size_t>(first + k) * static_cast<std::size_t>(columns_);
      for (std::size_t c = 0; c < row_y_.size(); ++c) {
        row_y_[c] += weights[static_cast<std::size_t>(k)] * y_[begin + c];
        row_x_[c] += weights[static_cast<std::size_t>(k)] * x_[begin + c];
      }
    }
  }

  void add(int column, float& y, float& x) const {
    const float at = static_cast<float>(column) / spacing_;
    const int first = static_cast<int>(at);
    const auto weights = spline(at - static_cast<float>(first));
    for (std::size_t k = 0; k < 4; ++k) {
      y += weights[k] * row_y_[static_cast<std::size_t>(first) + k];
      x += weights[k] * row_x_[static_cast<std::size_t>(first) + k];
    }
  }

 private:
  float spacing_ = 1;
  int columns_ = 0;
  std::vector<float> y_, x_;          // [rows, columns]
  std::vector<float> row_y_, row_x_;  // [columns]
};

}  // namespace

/// From a pixel of the patch to a place in the slice, both relative to the patch's centre.
struct Augmenter::Geometry {
  float yy = 1, yx = 0;
  float xy = 0, xx = 1;
  Displacements displacements;
};

Augmentation Augmentation::none() {
  return {false, false, 0, 0, 32, 0, 0, 0, 0};
}

Augmenter::Augmenter(const Augmentation& augmentation, int height, int width)
    : augmentation_(augmentation), height_(height), width_(width) {
  if (height < 1 || width < 1) throw std::invalid_argument("augmentation: empty patches");
  if (augmentation.quarter_turns && height != width)
    throw std::invalid_argument("augmentation: only square patches can be turned by quarters");
  require_within(augmentation.zoom, 0, 1, "zoom");
  require_within(augmentation.elastic, 0, 50, "elastic");
  require_within(augmentation.elastic_spacing, 4, 1000, "elastic_spacing");
  require_within(augmentation.brightness, 0, 10, "brightness");
  require_within(augmentation.contrast, 0, 10, "contrast");
  require_within(augmentation.blur, 0, 10, "blur");
  require_within(augmentation.noise, 0, 10, "noise");
}

Augmenter::Geometry Augmenter::draw_geometry(Random& random) const {
  Geometry g;
  // Drawn whether used or not: switching one variation off leaves the others as they were.
  const auto turns = random.below(4);
  const bool flip_y = random.chance(0.5);
  const bool flip_x = random.chance(0.5);
  const bool deforms = random.chance(0.5);
  const double zoom = deforms ? factor(random, augmentation_.zoom) : 1;
  if (augmentation_.quarter_turns) {
    constexpr std::array<std::array<float, 2>, 4> turn{{{1, 0}, {0, 1}, {-1, 0}, {0, -1}}};
    const auto [cosine, sine] = turn[static_cast<std::size_t>(turns)];
    g.yy = cosine, g.yx = -sine, g.xy = sine, g.xx = cosine;
  }
  if (augmentation_.flips && flip_y) g.yy = -g.yy, g.yx = -g.yx;
  if (augmentation_.flips && flip_x) g.xy = -g.xy, g.xx = -g.xx;
  for (float* entry : {&g.yy, &g.yx, &g.xy, &g.xx}) *entry /= static_cast<float>(zoom);
  if (deforms && augmentation_.elastic > 0) {
    g.displacements =
        Displacements(random, height_, width_, augmentation_.elastic, augmentation_.elastic_spacing);
  }
  return g;
}

template <typename Voxel>
void Augmenter::cut(const io::Slice& image, const Affine& affine, const io::Slice& labels,
                    const PatchPlace& place, const Geometry& geometry, std::span<float> image_patch,
                    std::span<std::uint8_t> label_patch) const {
  const auto voxels = image.as<Voxel>();
  const auto classes = labels.as<std::uint8_t>();
  const int h = image.height();
  const int w = image.width();
  const auto scale = static_cast<float>(affine.scale);
  const auto shift = static_cast<float>(affine.shift);
  const float middle_y = 0.5F * static_cast<float>(height_ - 1);
  const float middle_x = 0.5F * static_cast<float>(width_ - 1);
  Displacements displacements = geometry.displacements;
  const bool elastic = !displacements.empty();
  std::size_t pixel = 0;
  for (int i = 0; i < height_; ++i) {
    if (elastic) displacements.set_row(i);
    const float dy = static_cast<float>(i) - middle_y;
    for (int j = 0; j < width_; ++j, ++pixel) {
      const float dx = static_cast<float>(j) - middle_x;
      float y = geometry.yy * dy + geometry.yx * dx + middle_y;
      float x = geometry.xy * dy + geometry.xx * dx + middle_x;
      if (elastic) displacements.add(j, y, x);
      const float floor_y = std::floor(y);
      const float floor_x = std::floor(x);
      const float below = y - floor_y;
      const float right = x - floor_x;
      const int top = place.y + static_cast<int>(floor_y);
      const int left = place.x + static_cast<int>(floor_x);
      const std::size_t row0 = static_cast<std::size_t>(mirrored(top, h)) * static_cast<std::size_t>(w);
      const std::size_t row1 = static_cast<std::size_t>(mirrored(top + 1, h)) * static_cast<std::size_t>(w);
      const auto col0 = static_cast<std::size_t>(mirrored(left, w));
      const auto col1 = static_cast<std::size_t>(mirrored(left + 1, w));
      const float upper = static_cast<float>(voxels[row0 + col0]) * (1 - right) +
                          static_cast<float>(voxels[row0 + col1]) * right;
      const float lower = static_cast<float>(voxels[row1 + col0]) * (1 - right) +
                          static_cast<float>(voxels[row1 + col1]) * right;
      image_patch[pixel] = scale * (upper * (1 - below) + lower * below) + shift;
      label_patch[pixel] = classes[(below < 0.5F ? row0 : row1) + (right < 0.5F ? col0 : col1)];
    }
  }
}

void Augmenter::blur(std::span<float> patch, double sigma) const {
  const int radius = std::max(1, static_cast<int>(std::ceil(3 * sigma)));
  std::vector<float> kernel(static_cast<std::size_t>(2 * radius + 1));
  double total = 0;
  for (int k = -radius; k <= radius; ++k) total += std::exp(-0.5 * k * k / (sigma * sigma));
  for (int k = -radius; k <= radius; ++k) {
    kernel[static_cast<std::size_t>(k + radius)] =
        static_cast<float>(std::exp(-0.5 * k * k / (sigma * sigma)) / total);
  }
  const auto w = static_cast<std::size_t>(width_);
  std::vector<float> once(patch.size(), 0.0F);
  for (int i = 0; i < height_; ++i) {
    float* to = once.data() + static_cast<std::size_t>(i) * w;
    for (int k = -radius; k <= radius; ++k) {
      const float weight = kernel[static_cast<std::size_t>(k + radius)];
      const float* from = patch.data() + static_cast<std::size_t>(mirrored(i + k, height_)) * w;
      for (std::size_t j = 0; j < w; ++j) to[j] += weight * from[j];
    }
  }
  std::vector<float> row(w + 2 * static_cast<std::size_t>(radius));
  for (int i = 0; i < height_; ++i) {
    const float* from = once.data() + static_cast<std::size_t>(i) * w;
    for (int j = -radius; j < width_ + radius; ++j)
      row[static_cast<std::size_t>(j + radius)] = from[mirrored(j, width_)];
    float* to = patch.data() + static_cast<std::size_t>(i) * w;
    std::fill_n(to, w, 0.0F);
    for (std::size_t k = 0; k < kernel.size(); ++k) {
      for (std::size_t j = 0; j < w; ++j) to[j] += kernel[k] * row[j + k];
    }
  }
}

void Augmenter::vary_intensity(Random& random, std::span<float> patch) const {
  const double shift = augmentation_.brightness * random.uniform(-1, 1);
  const double contrast = factor(random, augmentation_.contrast);
  const bool blurs = random.chance(1.0 / 3);
  const double sigma = augmentation_.blur * random.uniform();
  const bool noisy = random.chance(0.5);
  const double deviation = augmentation_.noise * random.uniform();
  if (blurs && sigma > 0.05) blur(patch, sigma);  // less than that is less than the rounding of 8 bits
  if (augmentation_.brightness > 0 || augmentation_.contrast > 0) {
    const auto a = static_cast<float>(contrast);
    const auto b = static_cast<float>(shift);
    for (float& v : patch) v = a * v + b;
  }
  if (noisy && deviation > 0) {
    for (float& v : patch) v += static_cast<float>(deviation * random.normal());
  }
}

void Augmenter::operator()(const io::Slice& image, const Affine& affine, const io::Slice& labels,
                           const PatchPlace& place, std::span<float> image_patch,
                           std::span<std::uint8_t> label_patch) const {
  const std::size_t pixels = static_cast<std::size_t>(height_) * static_cast<std::size_t>(width_);
  if (image.height() != labels.height() || image.width() != labels.width() ||
      labels.type() != io::PixelType::u8 || image_patch.size() != pixels || label_patch.size() != pixels) {
    throw std::logic_error("a slice, its labels and the patches do not fit together");
  }
  Random geometry_random{place.seed, place.iteration, place.sample, 1};
  Random intensity_random{place.seed, place.iteration, place.sample, 2};
  const Geometry geometry = draw_geometry(geometry_random);
  switch (image.type()) {
    case io::PixelType::u8:
      cut<std::uint8_t>(image, affine, labels, place, geometry, image_patch, label_patch);
      break;
    case io::PixelType::u16:
      cut<std::uint16_t>(image, affine, labels, place, geometry, image_patch, label_patch);
      break;
    case io::PixelType::f32:
      cut<float>(image, affine, labels, place, geometry, image_patch, label_patch);
      break;
  }
  vary_intensity(intensity_random, image_patch);
}

}  // namespace fibflow::nodes
