#include "io/phantom/phantom_acquisition.h"

#include <algorithm>
#include <cmath>

namespace fibflow::io::phantom {
namespace {

/// Noise of one dimension.
float wander(std::uint32_t seed, double t) {
  return value_noise(seed, t, 0.5, 0.5);
}

/// Weights of a Gaussian, the middle one first. exp(-t) is the limit of (1 - t/n)^n; the weights need no
/// more.
std::vector<float> gaussian_weights(double deviation, int radius) {
  std::vector<double> weights(static_cast<std::size_t>(radius) + 1);
  double sum = 0;
  for (int k = 0; k <= radius; ++k) {
    double w = std::max(0.0, 1 - 0.5 * k * k / (deviation * deviation) / 1024);
    for (int squarings = 0; squarings < 10; ++squarings) {
      w *= w;
    }
    weights[static_cast<std::size_t>(k)] = w;
    sum += k == 0 ? w : 2 * w;
  }
  std::vector<float> normalized_weights;
  normalized_weights.reserve(weights.size());
  for (const double w : weights) {
    normalized_weights.push_back(static_cast<float>(w / sum));
  }
  return normalized_weights;
}

/// The inner part of a plane with `margin` pixels around it, blurred with weights that reach no farther than
/// the margin.
std::vector<float> blurred_inside(const std::vector<float>& plane, int height, int width, int margin,
                                  const std::vector<float>& weights) {
  const int wide = width + 2 * margin;
  const int radius = static_cast<int>(weights.size()) - 1;
  std::vector<float> rows(static_cast<std::size_t>(height) * static_cast<std::size_t>(wide));
  for (int r = 0; r < height; ++r) {
    const float* from = plane.data() + static_cast<std::size_t>(r + margin) * static_cast<std::size_t>(wide);
    float* to = rows.data() + static_cast<std::size_t>(r) * static_cast<std::size_t>(wide);
    for (int c = 0; c < wide; ++c) {
      to[c] = weights[0] * from[c];
    }
    for (int k = 1; k <= radius; ++k) {
      const std::ptrdiff_t away = static_cast<std::ptrdiff_t>(k) * wide;
      const float *above = from - away, *below = from + away;
      const float w = weights[static_cast<std::size_t>(k)];
      for (int c = 0; c < wide; ++c) {
        to[c] += w * (above[c] + below[c]);
      }
    }
  }
  std::vector<float> inside(static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
  for (int r = 0; r < height; ++r) {
    const float* from = rows.data() + static_cast<std::size_t>(r) * static_cast<std::size_t>(wide) + margin;
    float* to = inside.data() + static_cast<std::size_t>(r) * static_cast<std::size_t>(width);
    for (int c = 0; c < width; ++c) {
      float sum = weights[0] * from[c];
      for (int k = 1; k <= radius; ++k) {
        sum += weights[static_cast<std::size_t>(k)] * (from[c - k] + from[c + k]);
      }
      to[c] = sum;
    }
  }
  return inside;
}

}  // namespace

Plane Acquisition::plane(std::int64_t z, int margin) const {
  const double voxel = parameters_.voxel_nm;
  Random random(substream(seed(1), static_cast<std::uint64_t>(z)));
  const double jitter = parameters_.acquisition.jitter;
  const double dy = jitter * std::clamp(random.normal(), -3.0, 3.0);
  const double dx = jitter * std::clamp(random.normal(), -3.0, 3.0);
  return {parameters_.height + 2 * margin,
          parameters_.width + 2 * margin,
          voxel,
          (0.5 - margin + dx) * voxel,
          (0.5 - margin + dy) * voxel,
          (static_cast<double>(z) + 0.5) * voxel};
}

double Acquisition::focus(std::int64_t z) const {
  return parameters_.acquisition.defocus * (1 + 0.3 * wander(seed(2), static_cast<double>(z) / 25));
}

int Acquisition::margin(std::int64_t z) const {
  return parameters_.acquisition.defocus > 0 ? std::max(1, static_cast<int>(std::ceil(3 * focus(z)))) : 0;
}

void Acquisition::drift(std::int64_t z, std::vector<float>& gray) const {
  const double strength = parameters_.acquisition.drift;
  if (strength == 0) {
    return;
  }
  Random random(seed(3));
  const double direction = random.uniform() < 0.5 ? -1 : 1;
  const double progress =
      parameters_.depth > 1 ? static_cast<double>(z) / static_cast<double>(parameters_.depth - 1) : 0.5;
  const auto where = static_cast<double>(z);
  const auto brightness =
      static_cast<float>(strength * (direction * (progress - 0.5) + 0.5 * wander(seed(4), where / 60)));
  const auto contrast = static_cast<float>(1 + strength / 256 * wander(seed(5), where / 90));
  for (float& g : gray) {
    g = 128 + contrast * (g - 128) + brightness;
  }
}

void Acquisition::charge(std::int64_t z, const std::vector<float>& where, std::vector<float>& gray) const {
  const double strength = parameters_.acquisition.charging;
  if (strength == 0) {
    return;
  }
  const auto slice = static_cast<double>(z);
  const auto now = static_cast<float>(strength * (0.7 + 0.3 * wander(seed(6), slice / 3)));
  const int width = parameters_.width;
  const Plane shape{parameters_.height, width, 1, 0, 0, 0};
  // The halo is not even along its border, and changes slowly with z.
  const PlaneField uneven(shape, 16,
                          [&](Vec3 p) { return value_noise(seed(7), p.x / 140, p.y / 90, slice / 6); });
  std::vector<float> row(static_cast<std::size_t>(width));
  std::size_t k = 0;
  for (int r = 0; r < parameters_.height; ++r) {
    uneven.row(r, row.data());
    for (int c = 0; c < width; ++c, ++k) {
      gray[k] += now * where[k] * (0.75f + 0.5f * row[static_cast<std::size_t>(c)]);
    }
  }
}

void Acquisition::curtain(std::int64_t z, std::vector<float>& gray) const {
  const double strength = parameters_.acquisition.curtaining;
  if (strength == 0) {
    return;
  }
  // A stripe lasts for a few slices; wide and narrow ones overlap. Each column's stripes begin at a height of
  // their own and carry on downwards, the way the ion beam goes.
  const auto slice = static_cast<double>(z);
  const int width = parameters_.width, height = parameters_.height;
  for (int c = 0; c < width; ++c) {
    const float narrow = value_noise(seed(8), c / 2.3, slice / 2.0, 0.5);
    const float wide = value_noise(seed(9), c / 11.0, slice / 4.0, 0.5);
    const float broad = value_noise(seed(10), c / 47.0, slice / 6.0, 0.5);
    // The three have a variance of about 0.2 each; this makes the deviation 1.
    const float stripe = 1.6f * (0.8f * narrow + 0.9f * wide + 0.7f * broad);
    const float begin = static_cast<float>(height) * 0.8f * value_noise(seed(11), c / 30.0, slice / 8.0, 0.5);
    const float ramp = 0.25f * static_cast<float>(height);
    for (int r = 0; r < height; ++r) {
      const float grown = 0.35f + 0.65f * smooth_step((static_cast<float>(r) - begin) / ramp);
      gray[static_cast<std::size_t>(r) * static_cast<std::size_t>(width) + static_cast<std::size_t>(c)] *=
          1 + static_cast<float>(strength) * stripe * grown;
    }
  }
}

void Acquisition::expose(std::int64_t z, Tissue tissue, std::byte* pixels) const {
  const int height = parameters_.height, width = parameters_.width, around = margin(z);
  if (around > 0) {
    const std::vector<float> weights = gaussian_weights(focus(z), around);
    tissue.gray = blurred_inside(tissue.gray, height, width, around, weights);
    if (charges()) {
      tissue.charge = blurred_inside(tissue.charge, height, width, around, weights);
    }
  }
  drift(z, tissue.gray);
  charge(z, tissue.charge, tissue.gray);
  curtain(z, tissue.gray);
  // Electrons are counted: the variance is proportional to the gray level. A detector saturates at its ends.
  const auto noise = static_cast<float>(parameters_.acquisition.shot_noise);
  const std::uint64_t noise_seed = substream(seed(12), static_cast<std::uint64_t>(z));
  for (std::size_t k = 0; k < tissue.gray.size(); ++k) {
    float g = tissue.gray[k];
    if (noise > 0) {
      g += noise * std::sqrt(std::max(g, 0.0f) / 128) * approximate_normal(mix(noise_seed + k));
    }
    pixels[k] = static_cast<std::byte>(static_cast<int>(std::clamp(g + 0.5f, 0.0f, 255.0f)));
  }
}

}  // namespace fibflow::io::phantom
