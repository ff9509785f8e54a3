#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

/// Randomness and noise for the phantom: functions of (seed, position), so that any voxel can be computed
/// alone. Only + - * / and sqrt are used, which IEEE 754 rounds alike everywhere.
namespace fibflow::io::phantom {

struct Vec3 {
  double x = 0, y = 0, z = 0;
};

inline Vec3 operator+(Vec3 a, Vec3 b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}
inline Vec3 operator-(Vec3 a, Vec3 b) {
  return {a.x - b.x, a.y - b.y, a.z - b.z};
}
inline Vec3 operator*(double k, Vec3 a) {
  return {k * a.x, k * a.y, k * a.z};
}
inline double dot(Vec3 a, Vec3 b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}
inline Vec3 cross(Vec3 a, Vec3 b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline double length(Vec3 a) {
  return std::sqrt(dot(a, a));
}
inline Vec3 normalized(Vec3 a) {
  return (1 / length(a)) * a;
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood 2014): a bijection that mixes all bits.
inline std::uint64_t mix(std::uint64_t v) {
  v += 0x9E3779B97F4A7C15u;
  v = (v ^ (v >> 30)) * 0xBF58476D1CE4E5B9u;
  v = (v ^ (v >> 27)) * 0x94D049BB133111EBu;
  return v ^ (v >> 31);
}

/// The seed of one purpose (`stream`) under a user's seed.
inline std::uint64_t substream(std::uint64_t seed, std::uint64_t stream) {
  return mix(mix(seed) ^ (stream * 0xD1342543DE82EF95u));
}

/// A hash of a lattice point; multiply, xor and shift as in the 32-bit finalizers of integer hashing.
inline std::uint32_t lattice_hash(std::uint32_t seed, std::int32_t x, std::int32_t y, std::int32_t z) {
  std::uint32_t h = seed ^ (static_cast<std::uint32_t>(x) * 0x9E3779B1u) ^
                    (static_cast<std::uint32_t>(y) * 0x85EBCA77u) ^
                    (static_cast<std::uint32_t>(z) * 0xC2B2AE3Du);
  h = (h ^ (h >> 15)) * 0x2C1B3C6Du;
  h = (h ^ (h >> 12)) * 0x297A2D39u;
  return h ^ (h >> 15);
}

/// [0, 1) from the bits of a hash.
inline float unit(std::uint32_t h) {
  return static_cast<float>(h >> 8) * (1.0f / 16777216.0f);
}

/// Mean 0, variance 1: the sum of four uniforms (Irwin-Hall), cut off at 3.5 deviations.
inline float approximate_normal(std::uint64_t h) {
  const float sum = static_cast<float>(h & 0xFFFF) + static_cast<float>((h >> 16) & 0xFFFF) +
                    static_cast<float>((h >> 32) & 0xFFFF) + static_cast<float>(h >> 48);
  return (sum * (1.0f / 65536.0f) - 2.0f) * 1.7320508f;
}

/// A sequence of random numbers, for placing objects in a fixed order.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits() { return mix(state_++); }
  double uniform() { return static_cast<double>(bits() >> 11) * (1.0 / 9007199254740992.0); }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  double normal() { return approximate_normal(bits()); }
  Vec3 direction() {
    for (;;) {
      const Vec3 v{uniform(-1, 1), uniform(-1, 1), uniform(-1, 1)};
      const double n = dot(v, v);
      if (n > 1e-3 && n <= 1) {
        return (1 / std::sqrt(n)) * v;
      }
    }
  }

 private:
  std::uint64_t state_;
};

inline float smooth_step(float t) {
  t = std::clamp(t, 0.0f, 1.0f);
  return t * t * (3 - 2 * t);
}

/// A bell of compact support: 1 at 0, 0 from |t| = 1 on.
inline float bell(float t) {
  const float k = 1 - t * t;
  return k > 0 ? k * k : 0.0f;
}

/// Value noise with quintic interpolation, in [-1, 1], period-free; one lattice cell is one unit.
inline float value_noise(std::uint32_t seed, double x, double y, double z) {
  const double fx = std::floor(x), fy = std::floor(y), fz = std::floor(z);
  const auto ix = static_cast<std::int32_t>(fx), iy = static_cast<std::int32_t>(fy),
             iz = static_cast<std::int32_t>(fz);
  const auto quintic = [](float t) { return t * t * t * (t * (t * 6 - 15) + 10); };
  const float u = quintic(static_cast<float>(x - fx)), v = quintic(static_cast<float>(y - fy)),
              w = quintic(static_cast<float>(z - fz));
  const auto at = [&](int dx, int dy, int dz) { return unit(lattice_hash(seed, ix + dx, iy + dy, iz + dz)); };
  const auto plane = [&](int dz) {
    const float a = at(0, 0, dz), b = at(1, 0, dz), c = at(0, 1, dz), d = at(1, 1, dz);
    const float top = a + u * (b - a), bottom = c + u * (d - c);
    return top + v * (bottom - top);
  };
  const float near = plane(0), far = plane(1);
  return 2 * (near + w * (far - near)) - 1;
}

/// Two octaves on lattices that are turned against each other, which hides their axes; in about [-1, 1].
inline float turned_noise(std::uint32_t seed, Vec3 p, double wavelength) {
  const double k = 1 / wavelength;
  const double x = k * (0.8 * p.x - 0.6 * p.y), y = k * (0.48 * p.x + 0.64 * p.y - 0.6 * p.z),
               z = k * (0.36 * p.x + 0.48 * p.y + 0.8 * p.z);
  const double q = 1.9 * k;
  return 0.68f * value_noise(seed, x, y, z) +
         0.32f * value_noise(seed ^ 0x5bd1e995u, q * (0.6 * p.x + 0.8 * p.z) + 0.37,
                             q * (0.48 * p.x + 0.8 * p.y - 0.36 * p.z) + 0.71,
                             q * (-0.64 * p.x + 0.6 * p.y + 0.48 * p.z));
}

/// Where a slice's pixels are in the volume.
struct Plane {
  int height = 0;
  int width = 0;
  double voxel = 8;  ///< nm
  double x = 0;      ///< nm of the centre of column 0
  double y = 0;      ///< nm of the centre of row 0
  double z = 0;      ///< nm

  Vec3 at(double row, double column) const { return {x + column * voxel, y + row * voxel, z}; }
};

/// Pixels of a plane that a circle around p covers.
struct Window {
  Window(const Plane& plane, Vec3 p, double radius)
      : top(std::max(0, static_cast<int>(std::ceil((p.y - radius - plane.y) / plane.voxel)))),
        bottom(
            std::min(plane.height - 1, static_cast<int>(std::floor((p.y + radius - plane.y) / plane.voxel)))),
        left(std::max(0, static_cast<int>(std::ceil((p.x - radius - plane.x) / plane.voxel)))),
        right(std::min(plane.width - 1,
                       static_cast<int>(std::floor((p.x + radius - plane.x) / plane.voxel)))) {}
  int top, bottom, left, right;
};

/// A smooth function over a plane, computed at every `step`-th pixel and interpolated linearly between.
class PlaneField {
 public:
  template <typename Function>
  PlaneField(const Plane& plane, int step, Function&& value)
      : step_(step), columns_((plane.width + step - 1) / step + 1), width_(plane.width) {
    const int rows = (plane.height + step - 1) / step + 1;
    nodes_.resize(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns_));
    std::size_t k = 0;
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < columns_; ++c) {
        nodes_[k++] = static_cast<float>(value(plane.at(r * step, c * step)));
      }
    }
  }

  /// All columns of one row.
  void row(int r, float* values) const {
    const float v = static_cast<float>(r % step_) / static_cast<float>(step_);
    const float* top =
        nodes_.data() + static_cast<std::size_t>(r / step_) * static_cast<std::size_t>(columns_);
    const float* bottom = v > 0 ? top + columns_ : top;
    const float per_step = 1.0f / static_cast<float>(step_);
    float left = top[0] + v * (bottom[0] - top[0]);
    for (int c = 0, node = 1; c < width_; ++node) {
      const float right = top[node] + v * (bottom[node] - top[node]);
      for (int k = 0; k < step_ && c < width_; ++k, ++c) {
        values[c] = left + static_cast<float>(k) * per_step * (right - left);
      }
      left = right;
    }
  }

 private:
  int step_;
  int columns_;
  int width_;
  std::vector<float> nodes_;
};

}  // namespace fibflow::io::phantom
