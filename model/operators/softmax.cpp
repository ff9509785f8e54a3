#include "model/operators/lowering.h"
#include "model/operators/operators.h"
#include "model/operators/pointwise.h"

// Softmax over the channels.

namespace fibflow::model {
namespace {

class SoftmaxStep final : public Step {
 public:
  SoftmaxStep(const NormalizationStep& where)
      : from_(where.from), to_(where.to), span_(where.span), channels_(where.channels) {}
  void key(StepKey& key) const override { key.add('s', from_, to_, span_); }
  void run(const StepContext& context) const override {
    kernels().softmax(context.view(from_), context.view(to_), span_, channels_);
  }

 private:
  StoredMap from_;
  StoredMap to_;
  Span span_;
  int channels_;
};

class SoftmaxOperation final : public Operation {
 public:
  void plan(TilePlanner& planner) const override {
    const auto where = pointwise_step(*this, planner);
    planner.emit(std::make_unique<SoftmaxStep>(*where), {where->from.storage, where->to.storage});
  }
};

}  // namespace

void lower_softmax(Lowering& lowering, const Node& node) {
  const std::int64_t axis = node.integer("axis", lowering.opset() >= 13 ? -1 : 1);
  const std::string& result = node.outputs.at(0);
  if (const auto* map = lowering.channels_last(node.inputs.at(0))) {
    if (axis != 3 && axis != -1) throw NodeError(node, "is not over the channels");
    const Lowering::ChannelsLast from = *map;
    const Operation& made = lowering.add(node, {from.feature}, lowering.feature(from.feature),
                                         std::make_unique<SoftmaxOperation>());
    return lowering.set_channels_last(result, {made.output, from.perm});
  }
  const Feature in = lowering.feature(node, 0);
  if (axis != 1 && axis != -3) throw NodeError(node, "is not over the channels");
  // Before opset 13 axis 1 meant all axes from the channels on.
  if (lowering.opset() < 13)
    throw NodeError(node, "means another thing before opset 13; export with opset_version=13");
  lowering.add(node, {lowering.feature_index(node, 0)}, in, std::make_unique<SoftmaxOperation>());
}

}  // namespace fibflow::model
