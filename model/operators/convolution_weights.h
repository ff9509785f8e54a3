#pragma once

// Internal to model/.

#include <vector>

#include "model/onnx/graph.h"

namespace fibflow::model {

class Lowering;

/// The second input of a Conv or ConvTranspose, checked: four dimensions, float.
Constant read_weights(const Lowering& lowering, const Node& node);

/// Its third input: as many values as there are channels, or none at all.
std::vector<float> read_bias(const Lowering& lowering, const Node& node, int channels);

}  // namespace fibflow::model
