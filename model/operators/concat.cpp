#include "model/operators/concat.h"

#include "model/operators/lowering.h"
#include "model/operators/operators.h"
#include "model/operators/pointwise.h"
#include "model/steps/copy_steps.h"

// Concat, along the channels.

namespace fibflow::model {
namespace {

/// Zeros for a feature's last block of channels: lanes beyond the channels must be numbers, as the next convolution
/// multiplies them by 0.
void clear_last_block(TilePlanner& planner, int f) {
  const Region& r = planner.region(f);
  auto step = std::make_unique<PickStep>();
  step->to = planner.within(f, r);
  step->to.offset += (planner.blocks(f) - 1) * step->to.plane;
  step->from = step->to;
  step->span = {1, r.height(), r.width(), planner.block(f)};
  step->y.assign(static_cast<std::size_t>(r.height()), -1);
  step->x.assign(static_cast<std::size_t>(r.width()), -1);
  const int storage = step->to.storage;
  planner.emit(std::move(step), {storage});
}

}  // namespace

void ConcatOperation::plan(TilePlanner& planner) const {
  const Region& out = planner.region(output);
  const int block = planner.block(output);
  planner.touch(output);
  const auto whole_blocks = [&](std::size_t i, int first) {
    const int f = inputs[i];
    return first % block == 0 && planner.block(f) == block &&
           (planner.feature(f).channels % block == 0 || i + 1 == inputs.size());
  };
  // Whole blocks bring their own zeros along, and so does what is made in its place.
  const int channels = planner.feature(output).channels;
  const int last = inputs.back();
  if (channels % block != 0 && !planner.made_inside(last, output) &&
      !whole_blocks(inputs.size() - 1, channels - planner.feature(last).channels)) {
    clear_last_block(planner, output);
  }
  int channel = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const int f = inputs[i];
    if (planner.made_inside(f, output)) {
      planner.touch(f);
    } else {
      const StoredMap from = planner.within(f, out);
      StoredMap to = planner.within(output, out);
      if (whole_blocks(i, channel)) {
        to.offset += channel / block * to.plane;
        planner.emit(std::make_unique<CopyStep>(from, to, planner.span_of(f, out)),
                     {from.storage, to.storage});
      } else {
        auto c = std::make_unique<CopyChannelsStep>();
        c->from = from;
        c->to = to;
        c->from_block = planner.block(f);
        c->to_block = block;
        c->to_first = channel;
        c->channels = planner.feature(f).channels;
        c->height = out.height();
        c->width = out.width();
        planner.emit(std::move(c), {from.storage, to.storage});
      }
    }
    channel += planner.feature(f).channels;
  }
}

void lower_concat(Lowering& lowering, const Node& node) {
  const std::int64_t axis = node.integer("axis", 1);
  if (axis != 1 && axis != -3) throw NodeError(node, "does not join channels");
  Feature out = lowering.feature(node, 0);
  out.channels = 0;
  std::vector<int> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Feature& in = lowering.feature(node, i);
    if (!lowering.same_size(in, out)) {
      const Feature& first = lowering.feature(node, 0);
      throw SizeMisfit(node, "its inputs differ in size: '" + first.name + "' is " + size_text(first) +
                                 ", '" + in.name + "' is " + size_text(in));
    }
    out.channels += in.channels;
    out.y = cleaner(out.y, in.y);
    out.x = cleaner(out.x, in.x);
    inputs.push_back(lowering.feature_index(node, i));
  }
  lowering.add(node, std::move(inputs), std::move(out), std::make_unique<ConcatOperation>());
}

}  // namespace fibflow::model
