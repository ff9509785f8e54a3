#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/training/unet_values.h"

namespace fibflow::model {

/// [images, channels, height, width] in double.
struct ReferenceMap {
  int images = 0;
  int channels = 0;
  int height = 0;
  int width = 0;
  std::vector<double> values;

  ReferenceMap(int n, int c, int h, int w)
      : images(n),
        channels(c),
        height(h),
        width(w),
        values(static_cast<std::size_t>(n) * static_cast<std::size_t>(c) * static_cast<std::size_t>(h) *
               static_cast<std::size_t>(w)) {}
  std::size_t index(int n, int c, int y, int x) const {
    return ((static_cast<std::size_t>(n) * static_cast<std::size_t>(channels) + static_cast<std::size_t>(c)) *
                static_cast<std::size_t>(height) +
            static_cast<std::size_t>(y)) *
               static_cast<std::size_t>(width) +
           static_cast<std::size_t>(x);
  }
  double& at(int n, int c, int y, int x) { return values[index(n, c, y, x)]; }
  double at(int n, int c, int y, int x) const { return values[index(n, c, y, x)]; }
};

/// The network by tensor name, in double.
using ReferenceValues = std::map<std::string, std::vector<double>>;
ReferenceValues reference_values(const UNetValues& values);

// The layers as their definitions say it, slowly: what training is checked against.
ReferenceMap reference_convolution(const ReferenceMap& x, const std::vector<double>& weights, int out,
                                   int kernel);
ReferenceMap reference_batch_norm(const ReferenceMap& x, const std::vector<double>& gamma,
                                  const std::vector<double>& beta, double epsilon);
ReferenceMap reference_relu(ReferenceMap x);
ReferenceMap reference_pool(const ReferenceMap& x);
ReferenceMap reference_up(const ReferenceMap& x, const std::vector<double>& weights,
                          const std::vector<double>& bias, int out);
ReferenceMap reference_join(const ReferenceMap& a, const ReferenceMap& b);

/// Cross-entropy plus soft Dice (with smoothing 1), each with weight 1.
double reference_loss(const ReferenceMap& logits, const std::vector<std::uint8_t>& labels);

/// The loss of a batch in training mode.
double reference_loss(const UNet& shape, const ReferenceValues& values, const ReferenceMap& images,
                      const std::vector<std::uint8_t>& labels);

}  // namespace fibflow::model
