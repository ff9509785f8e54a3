#include "model/operators/convolution_weights.h"

#include "model/operators/lowering.h"

namespace fibflow::model {

Constant read_weights(const Lowering& lowering, const Node& node) {
  const Constant* w = lowering.constant_input(node, 1);
  if (w == nullptr) throw NodeError(node, "its weights are not in the file");
  if (w->integral || w->dims.size() != 4)
    throw NodeError(node, "its weights are not [out, in, y, x] in float32");
  const Lowering::Ints kernel = node.integers("kernel_shape", {w->dims[2], w->dims[3]});
  if (kernel.size() != 2 || kernel[0] != w->dims[2] || kernel[1] != w->dims[3])
    throw NodeError(node, "its kernel_shape differs from its weights");
  for (const std::int64_t d : w->dims) checked_int(node, d, 1, most_channels, "weight shape");
  return *w;
}

std::vector<float> read_bias(const Lowering& lowering, const Node& node, int channels) {
  if (!node.has_input(2)) return {};
  const Constant* b = lowering.constant_input(node, 2);
  if (b == nullptr || b->integral || b->size() != channels)
    throw NodeError(node, "its bias does not have " + std::to_string(channels) + " values");
  return {b->floats.begin(), b->floats.end()};
}

}  // namespace fibflow::model
