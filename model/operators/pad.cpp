#include "model/operators/pad.h"

#include <algorithm>

#include "model/operators/lowering.h"
#include "model/operators/operators.h"
#include "model/steps/copy_steps.h"
#include "model/steps/planner.h"

// Pad of the pixels: constant, reflect, edge.

namespace fibflow::model {

int PadOperation::source(int o, int before, int size) const {
  int i = o - before;
  if (i >= 0 && i < size) return i;
  switch (mode) {
    case Mode::constant:
      return -1;
    case Mode::edge:
      return std::clamp(i, 0, size - 1);
    case Mode::reflect:
      break;
  }
  if (size == 1) return 0;
  const int period = 2 * (size - 1);
  i = ((i % period) + period) % period;
  return i < size ? i : period - i;
}

Interval PadOperation::needed(int before, Interval out, int size) const {
  Interval in;
  for (int o = out.begin; o < out.end; ++o) {
    const int s = source(o, before, size);
    if (s >= 0) in = hull(in, {s, s + 1});
  }
  return in.empty() ? Interval{0, 1} : in;
}

Region PadOperation::needed(const Feature& input, const Region& part) const {
  return {needed(before_y, part.y, input.y.size), needed(before_x, part.x, input.x.size)};
}

void PadOperation::plan(TilePlanner& planner) const {
  const int in = inputs[0];
  const Region& out = planner.region(output);
  const Region part = planner.needed(*this, in);
  auto step = std::make_unique<PickStep>();
  step->from = planner.operand(in, part, planner.block(output), false);
  step->to = planner.within(output, out);
  step->span = planner.span_of(output, out);
  step->constant = value;
  const auto axis = [&](int before, Interval outputs, Interval input, int size, std::vector<int>& picks) {
    for (int o = outputs.begin; o < outputs.end; ++o) {
      const int s = source(o, before, size);
      picks.push_back(s < 0 ? -1 : s - input.begin);
    }
  };
  axis(before_y, out.y, part.y, planner.feature(in).y.size, step->y);
  axis(before_x, out.x, part.x, planner.feature(in).x.size, step->x);
  const int from = step->from.storage;
  const int to = step->to.storage;
  planner.emit(std::move(step), {from, to});
}

void lower_padding(Lowering& lowering, const Node& node, const PadOperation& pad, int after_y, int after_x) {
  const Feature in = lowering.feature(node, 0);
  Feature out = in;
  out.y = {in.y.size + pad.before_y + after_y, in.y.stride, in.y.offset - in.y.stride * pad.before_y};
  out.x = {in.x.size + pad.before_x + after_x, in.x.stride, in.x.offset - in.x.stride * pad.before_x};
  if (pad.before_y == 0 && pad.before_x == 0 && after_y == 0 && after_x == 0) return lowering.alias(node);
  lowering.add(node, {lowering.feature_index(node, 0)}, std::move(out), std::make_unique<PadOperation>(pad));
}

/// Two numbers for each of the four axes; since opset 18 a node may name the axes that it has numbers for.
Lowering::Ints with_all_axes(const Lowering& lowering, const Node& node) {
  Lowering::Ints pads = lowering.ints_input(node, 1, "padding");
  if (!node.has_input(3)) return pads;
  const Lowering::Ints axes = lowering.ints_input(node, 3, "axes");
  if (pads.size() != 2 * axes.size()) throw NodeError(node, "its padding and axes differ in length");
  Lowering::Ints all(8, 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t axis = axes[i] < 0 ? axes[i] + 4 : axes[i];
    if (axis < 0 || axis > 3) throw NodeError(node, "its axis lies outside the tensor");
    all[static_cast<std::size_t>(axis)] = pads[i];
    all[static_cast<std::size_t>(axis) + 4] = pads[i + axes.size()];
  }
  return all;
}

void lower_pad(Lowering& lowering, const Node& node) {
  const Feature in = lowering.feature(node, 0);
  const Lowering::Ints pads = with_all_axes(lowering, node);
  if (pads.size() != 8) throw NodeError(node, "its padding does not have eight numbers");
  if (pads[0] != 0 || pads[1] != 0 || pads[4] != 0 || pads[5] != 0)
    throw NodeError(node, "it pads images or channels");
  const std::string mode = node.text("mode", "constant");
  PadOperation pad;
  if (mode == "reflect") {
    pad.mode = PadOperation::Mode::reflect;
  } else if (mode == "edge") {
    pad.mode = PadOperation::Mode::edge;
  } else if (mode != "constant") {
    throw NodeError(node, "its mode '" + mode + "' is not supported");
  }
  if (const Constant* value = lowering.constant_input(node, 2); value != nullptr && value->size() == 1)
    pad.value = static_cast<float>(value->at(0));
  pad.before_y = checked_int(node, pads[2], -largest_side, largest_side, "padding");
  pad.before_x = checked_int(node, pads[3], -largest_side, largest_side, "padding");
  const int after_y = checked_int(node, pads[6], -largest_side, largest_side, "padding");
  const int after_x = checked_int(node, pads[7], -largest_side, largest_side, "padding");
  if (pad.mode == PadOperation::Mode::reflect &&
      (std::max(pad.before_y, after_y) >= in.y.size || std::max(pad.before_x, after_x) >= in.x.size)) {
    throw SizeMisfit(node, "mirrors more than there is");
  }
  lower_padding(lowering, node, pad, after_y, after_x);
}

}  // namespace fibflow::model
