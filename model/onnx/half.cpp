#include "model/onnx/half.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace fibflow::model {

float float_of_half(std::uint16_t half) {
  const std::uint32_t exponent = (half >> 10U) & 0x1fU;
  const std::uint32_t fraction = half & 0x3ffU;
  const float sign = (half & 0x8000U) != 0 ? -1.0F : 1.0F;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  if (exponent == 31) {
    const std::uint32_t bits =
        (static_cast<std::uint32_t>(half & 0x8000U) << 16U) | 0x7f800000U | (fraction << 13U);
    return std::bit_cast<float>(bits);
  }
  return sign * std::ldexp(static_cast<float>(fraction | 0x400U), static_cast<int>(exponent) - 25);
}

std::uint16_t half_of_float(float value) {
  const std::uint16_t sign = std::signbit(value) ? 0x8000U : 0;
  if (std::isnan(value)) return sign | 0x7e00U;
  constexpr float largest = 65504;
  const float size = std::min(std::abs(value), largest);
  if (size < std::ldexp(1.0F, -14)) {
    // In steps of 2^-24; the last step up is the smallest normal number.
    return sign | static_cast<std::uint16_t>(std::nearbyint(std::ldexp(size, 24)));
  }
  int exponent = 0;
  const float fraction = std::frexp(size, &exponent);                                        // in [0.5, 1)
  const auto digits = static_cast<std::uint32_t>(std::nearbyint(std::ldexp(fraction, 11)));  // 1024 to 2048
  return sign |
         static_cast<std::uint16_t>((static_cast<std::uint32_t>(exponent + 14) << 10U) + (digits - 1024));
}

}  // namespace fibflow::model
