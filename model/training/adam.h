#pragma once

#include <cstdint>
#include <span>

namespace fibflow::model {

/// Adam (Kingma and Ba 2015) with decoupled weight decay (AdamW, Loshchilov and Hutter 2019), as PyTorch
/// computes them:
///
///     m ← β1 m + (1 - β1) g          v ← β2 v + (1 - β2) g²
///     w ← w (1 - rate decay) - rate (m / (1 - β1^t)) / (sqrt(v / (1 - β2^t)) + ε)
struct AdamOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  ///< 0: plain Adam
};

/// The step number t = 1, 2, … of some weights. All spans have one size. Throws std::invalid_argument
/// otherwise, or if a rate or option is out of its range.
void adam_step(const AdamOptions& options, double rate, std::int64_t t, std::span<float> weights,
               std::span<const float> gradients, std::span<float> first_moments,
               std::span<float> second_moments);

}  // namespace fibflow::model
