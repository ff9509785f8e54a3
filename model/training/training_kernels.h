#pragma once

// Internal to model/: the memory-bound operations of training, on blocked feature maps
// [blocks][height][width][channel_block()] of one image. Compiled for several instruction sets as kernels.h is.
// Sums are in float along a row and in double over rows. All pointers are aligned to 64 bytes.

namespace fibflow::model {

/// The size of a feature map.
struct MapSize {
  int blocks = 0;
  int height = 0;
  int width = 0;
};

/// BatchNorm in training mode: z = x * scale + shift, with scale = gamma * inverse_deviation and
/// shift = beta - mean * scale. All [blocks * channel_block()].
struct BatchNormTerms {
  const float* scale = nullptr;
  const float* shift = nullptr;
  const float* mean = nullptr;
  const float* inverse_deviation = nullptr;
};

/// The gradient of x: scale * dz + by_deviation * (x - mean) + constant; see training_graph.cpp.
struct BatchNormGradient {
  const float* by_deviation = nullptr;
  const float* constant = nullptr;
};

struct TrainingKernels {
  /// y = max(z, 0) and the largest of each 2 x 2 pixels of y. size is that of x and y, and even.
  void (*normalize_pool)(const float* x, float* y, float* pooled, MapSize size, BatchNormTerms norm);

  /// Sums over the pixels, per channel, of dz and of dz * (x - mean) * inverse_deviation, where dz is dy where
  /// z > 0, else 0. Both [blocks * channel_block()], replaced.
  void (*reduce)(const float* dy, const float* x, MapSize size, BatchNormTerms norm, double* sum,
                 double* product);

  /// Adds the gradient of the pooled map to dy, at the first of the largest pixels of each window, and
  /// reduces as above. size is that of x and dy.
  void (*reduce_pool)(float* dy, const float* x, const float* pooled_gradient, MapSize size,
                      BatchNormTerms norm, double* sum, double* product);

  /// Replaces x by its gradient.
  void (*differentiate)(const float* dy, float* x, MapSize size, BatchNormTerms norm,
                        BatchNormGradient gradient);

  /// logits[k][pixel] = bias[k] + sum over channels of weights[k][channel] * y. weights: [outputs][blocks *
  /// channel_block()].
  void (*head)(const float* y, const float* weights, const float* bias, int outputs, float* logits,
               MapSize size);

  /// Replaces y by its gradient; weight_sums [outputs][blocks * channel_block()] and bias_sums [outputs] are
  /// replaced.
  void (*head_gradient)(float* y, const float* weights, const float* logit_gradients, int outputs,
                        double* weight_sums, double* bias_sums, MapSize size);

  /// up[2 y + s][2 x + t] = parts[(2 s + t) * blocks + block][y][x] + bias. size is that of a part.
  void (*spread)(const float* parts, float* up, const float* bias, MapSize size);

  /// The reverse, without bias; sums of up per channel go to bias_sums, replaced.
  void (*gather)(const float* up, float* parts, double* bias_sums, MapSize size);
};

/// The same choice of instructions as kernels().
const TrainingKernels& training_kernels();

}  // namespace fibflow::model
