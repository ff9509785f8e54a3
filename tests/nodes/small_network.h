#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include "make_slice.h"
#include "model/network.h"

namespace fibflow::testing {

/// A U-Net with two levels, three BatchNorm channels at the top, and one logit.
inline model::Network small_network() {
  return model::Network::load(std::string(FIBFLOW_TEST_FIXTURES) + "/onnx/models/plain_opset13.onnx");
}

/// Something that is no noise and differs everywhere, also from slice to slice.
inline io::Slice textured_slice(std::int64_t z, int height, int width) {
  return make_slice<std::uint8_t>(z, height, width, [=](int y, int x) {
    const double wave =
        std::sin(0.31 * x + 0.05 * static_cast<double>(z)) * std::cos(0.17 * y) + std::sin(0.011 * x * y);
    const unsigned noise = static_cast<unsigned>(y * 7919 + x * 104729 + z * 31) * 2654435761U >> 27;
    return static_cast<std::uint8_t>(110 + 30 * wave + noise);
  });
}

}  // namespace fibflow::testing
