#include "domain.h"

#include <cmath>
#include <numbers>

namespace fibflow::toy {

Domain Domain::random(double distance, std::mt19937_64& random) {
  std::uniform_real_distribution<double> uniform(-1, 1);
  const double direction = std::numbers::pi * uniform(random);
  const double axes = std::numbers::pi * uniform(random);
  const double far = distance * (1 + uniform(random));
  const double a = std::exp(distance * uniform(random));
  const double b = std::exp(distance * uniform(random));
  return {{far * std::cos(direction), far * std::sin(direction)},
          {a * std::cos(axes), -b * std::sin(axes), a * std::sin(axes), b * std::cos(axes)}};
}

std::array<double, 2> Domain::at(double z0, double z1) const {
  return {mean_[0] + root_[0] * z0 + root_[1] * z1, mean_[1] + root_[2] * z0 + root_[3] * z1};
}

Points Domain::sample(std::mt19937_64& random) const {
  std::normal_distribution<double> normal;
  Points points{std::vector<float>(2 * pixels), std::vector<std::uint8_t>(pixels)};
  for (std::size_t i = 0; i < pixels; ++i) {
    const double z0 = normal(random);
    const double z1 = normal(random);
    const auto [x, y] = at(z0, z1);
    points.image[i] = static_cast<float>(x);
    points.image[pixels + i] = static_cast<float>(y);
    points.labels[i] = z0 * z0 + z1 * z1 < 2 * std::numbers::ln2;
  }
  return points;
}

model::Gaussian Domain::gaussian() const {
  const auto& [a, b, c, d] = root_;
  return {{mean_[0], mean_[1]}, {a * a + b * b, a * c + b * d, a * c + b * d, c * c + d * d}};
}

}  // namespace fibflow::toy
