#include "model/operators/lowering.h"
#include "model/operators/operators.h"

// Transpose, of the channels to the last axis and back (Lowering::ChannelsLast): nothing is computed.

namespace fibflow::model {

void lower_transpose(Lowering& lowering, const Node& node) {
  using Ints = Lowering::Ints;
  static const Ints swapped = {0, 3, 2, 1};
  static const Ints last = {0, 2, 3, 1};
  static const Ints first = {0, 3, 1, 2};
  const Ints perm = node.integers("perm", {});
  const std::string& input = node.inputs.at(0);
  const auto* map = lowering.channels_last(input);
  if (map == nullptr && lowering.is_feature(input) && (perm == swapped || perm == last))
    return lowering.set_channels_last(node.outputs.at(0), {lowering.feature_index(node, 0), perm});
  if (map != nullptr && perm == (map->perm == swapped ? swapped : first))
    return lowering.set_feature(node.outputs.at(0), map->feature);
  throw NodeError(node, "this order of axes is not supported");
}

}  // namespace fibflow::model
