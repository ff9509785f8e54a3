#include "model/operators/operators.h"

#include <algorithm>
#include <array>

namespace fibflow::model {
namespace {

constexpr Operator table[] = {
    {"Add", lower_arithmetic},
    {"AveragePool", lower_pool},
    {"BatchNormalization", lower_batch_normalization},
    {"Cast", lower_identity},
    {"Clip", lower_activation},
    {"Concat", lower_concat},
    {"Conv", lower_convolution},
    {"ConvTranspose", lower_transposed_convolution},
    {"Div", lower_arithmetic},
    {"Dropout", lower_identity},
    {"Elu", lower_activation},
    {"Expand", lower_expand},
    {"HardSigmoid", lower_activation},
    {"HardSwish", lower_activation},
    {"Identity", lower_identity},
    {"LeakyRelu", lower_activation},
    {"MaxPool", lower_pool},
    {"Mul", lower_arithmetic},
    {"Neg", lower_negation},
    {"PRelu", lower_activation},
    {"Pad", lower_pad},
    {"Relu", lower_activation},
    {"Resize", lower_resize},
    {"Shape", lower_shape},
    {"Sigmoid", lower_activation},
    {"Slice", lower_slice},
    {"Softmax", lower_softmax},
    {"Split", lower_split},
    {"Sub", lower_arithmetic},
    {"Tanh", lower_activation},
    {"Transpose", lower_transpose},
    {"Upsample", lower_resize},
};

// They see the whole image at once, so that tiles could not equal the whole slice.
constexpr std::array global = {"GlobalAveragePool", "GlobalMaxPool", "ReduceMean"};
// So do these, which measure each image anew.
constexpr std::array measuring = {"GroupNormalization", "InstanceNormalization", "LayerNormalization",
                                  "LpNormalization", "MeanVarianceNormalization"};

// They decide, and with that hide how certain the network is.
constexpr std::array deciding = {"ArgMax", "ArgMin",      "Greater", "GreaterOrEqual",
                                 "Less",   "LessOrEqual", "Round",   "TopK"};

}  // namespace

const Operator& operator_named(const Node& node) {
  const auto* found = std::ranges::find_if(table, [&](const Operator& o) { return node.op == o.name; });
  if (found != std::end(table)) return *found;
  if (std::ranges::find(global, node.op) != global.end()) {
    throw NodeError(node,
                    "this operator sees the whole image at once, so that tiles could not equal the whole "
                    "slice; it is not "
                    "supported: train the network without it");
  }
  if (std::ranges::find(deciding, node.op) != deciding.end()) {
    throw NodeError(
        node,
        "it decides for each pixel what is foreground, which is done here: export the model without it, with "
        "its logits or probabilities as output, or choose them with --output-map NAME");
  }
  throw NodeError(node, "this operator is not supported");
}

void refuse_measuring(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    if (std::ranges::find(measuring, node.op) == measuring.end()) continue;
    throw NodeError(
        node,
        "group, instance and layer normalization measure each image anew: they keep no statistics that could "
        "be "
        "adapted, and tiles could not equal the whole slice; it is not supported: train the network with "
        "BatchNorm instead");
  }
}

}  // namespace fibflow::model
