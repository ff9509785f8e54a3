#include <limits>

#include "model/operators/lowering.h"
#include "model/operators/operators.h"
#include "model/operators/pointwise.h"

// Relu, LeakyRelu, Elu, PRelu, Sigmoid, Tanh, Clip, HardSigmoid, HardSwish: merged with the layer before where nobody
// else reads that.

namespace fibflow::model {
namespace {

class ActivationOperation final : public Operation {
 public:
  explicit ActivationOperation(Activation activation) : activation_(std::move(activation)) {}

  void plan(TilePlanner& planner) const override {
    auto step = pointwise_step(*this, planner);
    step->activation = &activation_;
    planner.emit_normalization(std::move(step), output);
  }

 private:
  Activation activation_;
};

Activation read_activation(const Lowering& lowering, const Node& node, const Feature& in) {
  using Kind = Activation::Kind;
  Activation a;
  if (node.op == "Relu") a.kind = Kind::relu;
  if (node.op == "Sigmoid") a.kind = Kind::sigmoid;
  if (node.op == "Tanh") a.kind = Kind::tanh;
  if (node.op == "HardSwish") a.kind = Kind::hard_swish;
  if (node.op == "LeakyRelu") a = {Kind::leaky_relu, node.real("alpha", 0.01F), 0, {}};
  if (node.op == "Elu") a = {Kind::elu, node.real("alpha", 1), 0, {}};
  if (node.op == "HardSigmoid")
    a = {Kind::hard_sigmoid, node.real("alpha", 0.2F), node.real("beta", 0.5F), {}};
  if (node.op == "Clip") {
    const auto bound = [&](std::size_t i, float open) {
      if (!node.has_input(i)) return open;
      const Constant* c = lowering.constant_input(node, i);
      if (c == nullptr || c->size() != 1) throw NodeError(node, "its bounds are not known numbers");
      return static_cast<float>(c->at(0));
    };
    a = {Kind::clip,
         bound(1, -std::numeric_limits<float>::max()),
         bound(2, std::numeric_limits<float>::max()),
         {}};
  }
  if (node.op == "PRelu") {
    const Constant* slope = lowering.constant_input(node, 1);
    if (slope == nullptr || slope->integral || (slope->size() != 1 && slope->size() != in.channels))
      throw NodeError(node, "its slope does not fit its channels");
    a.kind = Kind::prelu;
    a.slopes.assign(static_cast<std::size_t>(in.channels), slope->floats[0]);
    if (slope->size() == in.channels) a.slopes.assign(slope->floats.begin(), slope->floats.end());
  }
  return a;
}

}  // namespace

void lower_activation(Lowering& lowering, const Node& node) {
  const Feature in = lowering.feature(node, 0);
  Activation activation = read_activation(lowering, node, in);
  if (Operation* producer = lowering.sole_producer(node);
      producer != nullptr && producer->take_activation(activation))
    return lowering.rename(node, producer->output);
  lowering.add(node, {lowering.feature_index(node, 0)}, in,
               std::make_unique<ActivationOperation>(std::move(activation)));
}

}  // namespace fibflow::model
