#pragma once

// Internal to model/.

#include "model/engine/convolution.h"

namespace fibflow::model {

/// Plain loops over any shape: slow, and right by their looks.
extern const ConvolutionEngine reference_convolutions;

}  // namespace fibflow::model
