#pragma once

// Internal to model/: the 16-bit floats of ONNX files.

#include <cstdint>

namespace fibflow::model {

/// IEEE 754 binary16.
float float_of_half(std::uint16_t half);

/// The nearest one, ties to even; what is too large becomes the largest finite one.
std::uint16_t half_of_float(float value);

}  // namespace fibflow::model
