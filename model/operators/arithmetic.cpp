#include <algorithm>

#include "model/operators/lowering.h"
#include "model/operators/operators.h"
#include "model/operators/pointwise.h"

// Add, Sub, Mul of two maps, one of which may have a single channel that serves all; those and Div of a map and a constant;
// Neg.

namespace fibflow::model {
namespace {

class ArithmeticStep final : public Step {
 public:
  Arithmetic kind = Arithmetic::add;
  StoredMap a, b, to;
  bool a_single = false, b_single = false;
  Span span;

  void key(StepKey& key) const override { key.add('b', a, b, to, span); }
  void run(const StepContext& context) const override {
    kernels().binary(kind, context.view(a), a_single, context.view(b), b_single, context.view(to), span);
  }
};

class ArithmeticOperation final : public Operation {
 public:
  explicit ArithmeticOperation(Arithmetic kind) : kind_(kind) {}

  void plan(TilePlanner& planner) const override {
    const Region& out = planner.region(output);
    if (inputs[0] != inputs[1] && !planner.in_place(inputs[0], output)) planner.in_place(inputs[1], output);
    auto step = std::make_unique<ArithmeticStep>();
    step->kind = kind_;
    step->a = planner.operand(inputs[0], out, planner.block(output), false);
    step->b = planner.operand(inputs[1], out, planner.block(output), false);
    step->to = planner.within(output, out);
    const int channels = planner.feature(output).channels;
    step->a_single = channels > 1 && planner.feature(inputs[0]).channels == 1;
    step->b_single = channels > 1 && planner.feature(inputs[1]).channels == 1;
    step->span = planner.span_of(output, out);
    const std::initializer_list<int> storages = {step->a.storage, step->b.storage, step->to.storage};
    planner.emit(std::move(step), storages);
  }

 private:
  Arithmetic kind_;
};

/// x * scale + shift, per channel.
class AffineOperation final : public Operation {
 public:
  explicit AffineOperation(ScaleShift values) : values_(std::move(values)) {}

  void plan(TilePlanner& planner) const override {
    auto step = pointwise_step(*this, planner);
    step->source = NormalizationStep::Source::affine;
    step->affine = &values_;
    planner.emit_normalization(std::move(step), output);
  }

 private:
  ScaleShift values_;
};

/// One value per channel from a constant that is broadcast over the pixels.
std::vector<float> per_channel(const Node& node, const Constant& c, int channels) {
  std::vector<float> v(static_cast<std::size_t>(channels));
  const std::size_t rank = c.dims.size();
  const bool by_channel = rank >= 3 && c.dims[rank - 3] == channels && c.size() == channels;
  if (!by_channel && c.size() != 1)
    throw NodeError(node, "its constant is neither one number nor one per channel");
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(c.at(by_channel ? i : 0));
  return v;
}

void lower_affine(Lowering& lowering, const Node& node, bool first_is_constant) {
  const std::size_t at = first_is_constant ? 1 : 0;
  const Feature in = lowering.feature(node, at);
  const Constant* c = lowering.constant_input(node, 1 - at);
  if (c == nullptr) throw NodeError(node, "its other operand is not known");
  const std::vector<float> v = per_channel(node, *c, in.channels);
  ScaleShift values{std::vector<float>(v.size(), 1), std::vector<float>(v.size(), 0)};
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (node.op == "Add") values.shift[i] = v[i];
    if (node.op == "Mul") values.scale[i] = v[i];
    if (node.op == "Sub" && first_is_constant) values.scale[i] = -1, values.shift[i] = v[i];
    if (node.op == "Sub" && !first_is_constant) values.shift[i] = -v[i];
    if (node.op == "Div") {
      if (first_is_constant)
        throw NodeError(node, "divides a number by a map of pixels, which is not supported");
      if (v[i] == 0) throw NodeError(node, "divides by 0");
      values.scale[i] = 1 / v[i];
    }
  }
  lowering.add(node, {lowering.feature_index(node, at)}, in,
               std::make_unique<AffineOperation>(std::move(values)));
}

}  // namespace

void lower_arithmetic(Lowering& lowering, const Node& node) {
  const bool first_is_constant = !lowering.is_feature(node.inputs.at(0));
  const bool second_is_constant = !lowering.is_feature(node.inputs.at(1));
  if (first_is_constant || second_is_constant) return lower_affine(lowering, node, first_is_constant);
  const Feature a = lowering.feature(node, 0);
  const Feature b = lowering.feature(node, 1);
  if (!lowering.same_size(a, b))
    throw SizeMisfit(node, "its inputs differ in size: '" + a.name + "' is " + size_text(a) + ", '" + b.name +
                               "' is " + size_text(b));
  if (a.channels != b.channels && a.channels != 1 && b.channels != 1) {
    throw NodeError(node, "its inputs differ in channels: '" + a.name + "' has " +
                              std::to_string(a.channels) + ", '" + b.name + "' has " +
                              std::to_string(b.channels));
  }
  if (node.op == "Div") throw NodeError(node, "divides one map of pixels by another, which is not supported");
  const Arithmetic kind = node.op == "Sub"   ? Arithmetic::subtract
                          : node.op == "Mul" ? Arithmetic::multiply
                                             : Arithmetic::add;
  Feature out = a;
  out.channels = std::max(a.channels, b.channels);
  out.y = cleaner(a.y, b.y);
  out.x = cleaner(a.x, b.x);
  lowering.add(node, {lowering.feature_index(node, 0), lowering.feature_index(node, 1)}, std::move(out),
               std::make_unique<ArithmeticOperation>(kind));
}

void lower_negation(Lowering& lowering, const Node& node) {
  const Feature in = lowering.feature(node, 0);
  const auto n = static_cast<std::size_t>(in.channels);
  lowering.add(
      node, {lowering.feature_index(node, 0)}, in,
      std::make_unique<AffineOperation>(ScaleShift{std::vector<float>(n, -1), std::vector<float>(n, 0)}));
}

}  // namespace fibflow::model
