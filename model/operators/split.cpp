#include "model/operators/split.h"

#include <numeric>

#include "model/operators/lowering.h"
#include "model/operators/operators.h"
#include "model/steps/copy_steps.h"
#include "model/steps/planner.h"

// Split of the channels.

namespace fibflow::model {
namespace {

/// Channels first, first + 1, … of the input.
class ChannelsOperation final : public Operation {
 public:
  explicit ChannelsOperation(int first) : first_(first) {}

  void plan(TilePlanner& planner) const override {
    const int in = inputs[0];
    const Region& out = planner.region(output);
    auto c = std::make_unique<CopyChannelsStep>();
    c->from = planner.within(in, out);
    c->to = planner.within(output, out);
    c->from_block = planner.block(in);
    c->to_block = planner.block(output);
    c->from_first = first_;
    c->channels = planner.feature(output).channels;
    c->height = out.height();
    c->width = out.width();
    c->cleared_blocks = planner.blocks(output);
    const int from = c->from.storage;
    const int to = c->to.storage;
    planner.emit(std::move(c), {from, to});
  }

 private:
  int first_;
};

}  // namespace

void take_channels(Lowering& lowering, const Node& node, const std::string& name, int first, int last) {
  Feature out = lowering.feature(node, 0);
  if (first < 0 || last > out.channels || last <= first)
    throw NodeError(node, "takes channels that its input does not have");
  out.channels = last - first;
  lowering.add(node, {lowering.feature_index(node, 0)}, std::move(out),
               std::make_unique<ChannelsOperation>(first), name);
}

void lower_split(Lowering& lowering, const Node& node) {
  const Feature in = lowering.feature(node, 0);
  const std::int64_t axis = node.integer("axis", 0);
  if (axis != 1 && axis != -3) throw NodeError(node, "does not split channels");
  const auto parts = static_cast<std::int64_t>(node.outputs.size());
  Lowering::Ints sizes =
      node.has_input(1) ? lowering.ints_input(node, 1, "split") : node.integers("split", {});
  if (sizes.empty()) {
    // Since opset 18 the last part may be smaller; before, what does not divide evenly is refused below.
    const bool uneven = node.integer("num_outputs", 0) == parts;
    const std::int64_t each = uneven ? (in.channels + parts - 1) / parts : in.channels / parts;
    sizes.assign(node.outputs.size(), each);
    if (uneven) sizes.back() = in.channels - each * (parts - 1);
  }
  if (static_cast<std::int64_t>(sizes.size()) != parts ||
      std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}) != in.channels) {
    throw NodeError(node, "its parts do not add up to its input's channels");
  }
  int first = 0;
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    const int next = first + checked_int(node, sizes[i], 1, in.channels, "part");
    take_channels(lowering, node, node.outputs[i], first, next);
    first = next;
  }
}

}  // namespace fibflow::model
