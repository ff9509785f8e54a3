#include <algorithm>
#include <numeric>

#include "model/operators/lowering.h"
#include "model/operators/operators.h"
#include "model/operators/pad.h"
#include "model/operators/split.h"

// Slice of the pixels or of the channels, every one of them.

namespace fibflow::model {

void lower_slice(Lowering& lowering, const Node& node) {
  using Ints = Lowering::Ints;
  const Feature in = lowering.feature(node, 0);
  const Ints starts = lowering.ints_input(node, 1, "start");
  const Ints ends = lowering.ints_input(node, 2, "end");
  Ints axes(starts.size());
  std::iota(axes.begin(), axes.end(), 0);
  if (node.has_input(3)) axes = lowering.ints_input(node, 3, "axes");
  if (node.has_input(4)) {
    for (const std::int64_t step : lowering.ints_input(node, 4, "steps")) {
      if (step != 1) throw NodeError(node, "takes only some of the pixels, which is not supported");
    }
  }
  if (ends.size() != starts.size() || axes.size() != starts.size())
    throw NodeError(node, "its starts, ends and axes differ in length");
  const Ints dims = {1, in.channels, in.y.size, in.x.size};
  Ints first = {0, 0, 0, 0};
  Ints last = dims;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::int64_t axis = axes[i] < 0 ? axes[i] + 4 : axes[i];
    if (axis < 0 || axis > 3) throw NodeError(node, "its axis lies outside the tensor");
    const auto k = static_cast<std::size_t>(axis);
    const auto wrap = [n = dims[k]](std::int64_t v) {
      return std::clamp<std::int64_t>(v < 0 ? v + n : v, 0, n);
    };
    first[k] = wrap(starts[i]);
    last[k] = wrap(ends[i]);
  }
  if (first[0] != 0 || last[0] != 1) throw NodeError(node, "it cuts the batch");
  const bool spatial = first[2] != 0 || first[3] != 0 || last[2] != dims[2] || last[3] != dims[3];
  const bool channels = first[1] != 0 || last[1] != dims[1];
  if (spatial && channels) throw NodeError(node, "cuts channels and pixels at once, which is not supported");
  if (channels) {
    return take_channels(lowering, node, node.outputs.at(0), static_cast<int>(first[1]),
                         static_cast<int>(last[1]));
  }
  if (last[2] <= first[2] || last[3] <= first[3])
    throw SizeMisfit(node, "nothing is left of an image this small");
  PadOperation cut;
  cut.before_y = -static_cast<int>(first[2]);
  cut.before_x = -static_cast<int>(first[3]);
  lower_padding(lowering, node, cut, static_cast<int>(last[2] - dims[2]),
                static_cast<int>(last[3] - dims[3]));
}

}  // namespace fibflow::model
