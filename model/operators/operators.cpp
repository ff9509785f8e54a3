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
constexpr std::array global = {"GlobalAveragePool", "GlobalMaxPool", "InstanceNormalization", "ReduceMean"};

}  // namespace

const Operator& operator_named(const Node& node) {
  const auto* found = std::ranges::find_if(table, [&](const Operator& o) { return node.op == o.name; });
  if (found != std::end(table)) return *found;
  if (std::ranges::find(global, node.op) != global.end()) {
    throw NodeError(
        node,
        "this operator sees the whole image at once, so that tiles could not equal the whole slice; it "
        "is not supported");
  }
  throw NodeError(node, "this operator is not supported");
}

}  // namespace fibflow::model
