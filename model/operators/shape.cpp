#include <algorithm>

#include "model/operators/lowering.h"
#include "model/operators/operators.h"

// Shape: a constant, once sizes are known.

namespace fibflow::model {

void lower_shape(Lowering& lowering, const Node& node) {
  const Feature& in = lowering.feature(node, 0);
  const Lowering::Ints dims = {1, in.channels, in.y.size, in.x.size};
  const auto wrap = [](std::int64_t v) { return std::clamp<std::int64_t>(v < 0 ? v + 4 : v, 0, 4); };
  const std::int64_t start = wrap(node.integer("start", 0));
  const std::int64_t end = std::max(start, wrap(node.integer("end", 4)));
  lowering.set_value(
      node.outputs.at(0),
      Constant::of_ints({end - start}, Lowering::Ints(dims.begin() + start, dims.begin() + end)));
}

}  // namespace fibflow::model
