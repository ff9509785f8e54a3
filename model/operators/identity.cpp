#include "model/operators/lowering.h"
#include "model/operators/operators.h"

// Identity, Dropout (which does nothing when it is not trained), Cast to float32: another name.

namespace fibflow::model {

void lower_identity(Lowering& lowering, const Node& node) {
  if (node.op == "Cast" && node.integer("to", 1) != 1)
    throw NodeError(node, "casts pixels to a type other than float32");
  lowering.pass(node);
}

}  // namespace fibflow::model
