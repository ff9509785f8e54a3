#include <algorithm>
#include <array>

#include "model/operators/lowering.h"
#include "model/operators/operators.h"

// Identity, Dropout (which does nothing when it is not trained), Cast to a float type: another name.

namespace fibflow::model {

void lower_identity(Lowering& lowering, const Node& node) {
  constexpr std::array floats{1, 10, 11,
                              16};  // FLOAT, FLOAT16, DOUBLE, BFLOAT16: all are computed in float32
  if (node.op == "Cast" && std::ranges::find(floats, node.integer("to", 1)) == floats.end())
    throw NodeError(node, "casts pixels to a type that is no float");
  lowering.pass(node);
}

}  // namespace fibflow::model
