#pragma once

// Internal to model/.

#include <vector>

namespace fibflow::model {

/// What a layer does to each value at its end.
struct Activation {
  enum class Kind { none, relu, leaky_relu, elu, prelu, sigmoid, tanh, clip, hard_sigmoid, hard_swish };
  Kind kind = Kind::none;
  float a = 0;                ///< slope, alpha, lower bound
  float b = 0;                ///< upper bound, beta
  std::vector<float> slopes;  ///< prelu: [channels]
};

}  // namespace fibflow::model
