#pragma once

// Internal to model/.

#include "model/engine/convolution.h"

namespace fibflow::model {

/// oneDNN's convolutions (2.x; 3.x has other names for the same steps).
extern const ConvolutionEngine onednn_convolutions;

}  // namespace fibflow::model
