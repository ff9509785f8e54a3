#include "model/operators/concat.h"
#include "model/operators/lowering.h"
#include "model/operators/operators.h"

// Expand of one channel to several; of sizes that are there already, another name.

namespace fibflow::model {

void lower_expand(Lowering& lowering, const Node& node) {
  const Feature in = lowering.feature(node, 0);
  const Lowering::Ints shape = lowering.ints_input(node, 1, "shape");
  if (shape.size() != 4 || shape[0] != 1 || (shape[2] != in.y.size && shape[2] != 1) ||
      (shape[3] != in.x.size && shape[3] != 1)) {
    throw NodeError(node, "repeats pixels, which is not supported");
  }
  if (shape[1] == in.channels || shape[1] == 1) return lowering.alias(node);
  Feature out = in;
  out.channels = checked_int(node, shape[1], 1, 1024, "number of channels");
  if (in.channels != 1) throw NodeError(node, "repeats several channels, which is not supported");
  lowering.add(node,
               std::vector<int>(static_cast<std::size_t>(out.channels), lowering.feature_index(node, 0)), out,
               std::make_unique<ConcatOperation>());
}

}  // namespace fibflow::model
