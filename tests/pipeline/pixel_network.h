#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/network.h"
#include "model/unet_values.h"
#include "tests/pipeline/memory_stack.h"

namespace fibflow::testing {

/// A network that looks at pixels one by one: foreground is what lies more than `above` deviations above the mean of its
/// first BatchNorm layer, which is `mean` and `deviation` before adaptation and what the images have afterwards. The
/// second layer passes on what it gets.
inline std::string pixel_network_onnx(double mean, double deviation, double above) {
  model::UNet shape;
  shape.channels = 1;
  shape.depth = 0;
  shape.kernel = 1;
  constexpr float lift = 20;  // keeps ReLU from cutting
  return model::unet_onnx(shape, [&](const model::UNetTensor& tensor) -> std::vector<float> {
    std::size_t count = 1;
    for (const std::int64_t dim : tensor.dims) count *= static_cast<std::size_t>(dim);
    const auto ends_in = [&](const char* ending) { return tensor.name.ends_with(ending); };
    const bool first = tensor.name.find(".1.running") != std::string::npos;
    float value = 0;
    if (tensor.dims.size() == 4) value = 1;                         // convolutions, the head's too
    if (tensor.dims.size() == 1 && ends_in(".weight")) value = 1;   // BatchNorm's scale
    if (tensor.dims.size() == 1 && ends_in(".bias")) value = lift;  // its shift
    if (ends_in("running_mean")) value = first ? static_cast<float>(mean) : lift;
    if (ends_in("running_var")) value = first ? static_cast<float>(deviation * deviation) : 1;
    if (tensor.name == "head.bias") value = -lift - static_cast<float>(above);
    return std::vector<float>(count, value);
  });
}

inline model::Network pixel_network(double mean, double deviation, double above) {
  const std::string bytes = pixel_network_onnx(mean, deviation, above);
  return model::Network::parse(std::as_bytes(std::span(bytes)), "pixels.onnx");
}

/// Dark slices (0.3) of which a fifth, in columns, is bright (0.8): mean 0.4, deviation 0.2.
inline MemoryStack<std::uint8_t> striped_stack(std::int64_t depth, int height, int width) {
  std::vector<std::uint8_t> voxels;
  for (std::int64_t i = 0; i < depth * height * width; ++i) {
    voxels.push_back(i % width % 10 < 2 ? 204 : 77);
  }
  return MemoryStack<std::uint8_t>("stripes", depth, height, width, std::move(voxels));
}

}  // namespace fibflow::testing
