#include "model/training/adam.h"

#include <cmath>
#include <cstddef>
#include <stdexcept>

namespace fibflow::model {

void adam_step(const AdamOptions& options, double rate, std::int64_t t, std::span<float> weights,
               std::span<const float> gradients, std::span<float> first_moments,
               std::span<float> second_moments) {
  const std::size_t n = weights.size();
  if (gradients.size() != n || first_moments.size() != n || second_moments.size() != n)
    throw std::invalid_argument("Adam: weights, gradients and moments of different sizes");
  if (t < 1) throw std::invalid_argument("Adam: steps are counted from 1");
  if (!(rate >= 0) || !std::isfinite(rate))
    throw std::invalid_argument("Adam: the rate must not be negative");
  if (!(options.beta1 >= 0 && options.beta1 < 1 && options.beta2 >= 0 && options.beta2 < 1))
    throw std::invalid_argument("Adam: both betas must be in [0, 1)");
  if (!(options.epsilon > 0)) throw std::invalid_argument("Adam: epsilon must be above 0");
  if (!(options.weight_decay >= 0)) throw std::invalid_argument("Adam: the decay must not be negative");
  const auto beta1 = static_cast<float>(options.beta1);
  const auto beta2 = static_cast<float>(options.beta2);
  const auto epsilon = static_cast<float>(options.epsilon);
  const auto keep = static_cast<float>(1 - rate * options.weight_decay);
  const auto step = static_cast<float>(rate / (1 - std::pow(options.beta1, t)));
  const auto root = static_cast<float>(1 / std::sqrt(1 - std::pow(options.beta2, t)));
  const auto new1 = static_cast<float>(1 - options.beta1);
  const auto new2 = static_cast<float>(1 - options.beta2);
  float* w = weights.data();
  const float* g = gradients.data();
  float* m = first_moments.data();
  float* v = second_moments.data();
  for (std::size_t i = 0; i < n; ++i) {
    m[i] = beta1 * m[i] + new1 * g[i];
    v[i] = beta2 * v[i] + new2 * (g[i] * g[i]);
    w[i] = keep * w[i] - step * m[i] / (std::sqrt(v[i]) * root + epsilon);
  }
}

}  // namespace fibflow::model
