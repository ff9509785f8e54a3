#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include "model/statistics/gaussian_distance.h"

namespace fibflow::toy {

/// A side of the images that points of the plane are kept in: 2 channels, the coordinates, of side x side pixels.
/// Which point is where in the image means nothing: the network looks at each pixel alone.
constexpr int side = 64;
constexpr int pixels = side * side;

/// Points with labels, one per pixel.
struct Points {
  std::vector<float> image;          ///< [2, side, side]
  std::vector<std::uint8_t> labels;  ///< [side, side]
};

/// A normal distribution of the plane, and the task on it: a point's label is 1 inside the ellipse that holds half
/// of the mass, the circle of squared radius 2 ln 2 in coordinates in which the distribution is standard.
class Domain {
 public:
  /// Of mean + root · z, z standard normal. root: [2, 2], by rows.
  Domain(std::array<double, 2> mean, std::array<double, 4> root) : mean_(mean), root_(root) {}

  /// A random one: its mean is up to 2 `distance` away from the origin, its axes are longer or shorter by factors of
  /// up to e^distance, and point anywhere. At 0 it is the standard one.
  static Domain random(double distance, std::mt19937_64& random);

  Points sample(std::mt19937_64& random) const;
  model::Gaussian gaussian() const;
  const std::array<double, 2>& mean() const { return mean_; }

  /// The point of the plane that z is moved to.
  std::array<double, 2> at(double z0, double z1) const;

 private:
  std::array<double, 2> mean_;
  std::array<double, 4> root_;
};

}  // namespace fibflow::toy
