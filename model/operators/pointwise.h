#pragma once

// Internal to model/: for operators that work pixel by pixel.

#include <cmath>
#include <memory>

#include "model/steps/normalization_step.h"
#include "model/steps/planner.h"

namespace fibflow::model {

/// A step from the operation's one input to its output, in place if possible; without scale, shift and activation.
inline std::unique_ptr<NormalizationStep> pointwise_step(const Operation& op, TilePlanner& planner) {
  const int in = op.inputs[0];
  const Region& out = planner.region(op.output);
  planner.in_place(in, op.output);
  auto step = std::make_unique<NormalizationStep>();
  step->index = planner.index();
  step->channels = planner.feature(op.output).channels;
  step->from = planner.operand(in, out, planner.block(op.output), false);
  step->to = planner.within(op.output, out);
  step->span = planner.span_of(op.output, out);
  return step;
}

/// Of two descriptions of where pixels lie, the one on a whole grid: interpolation to a size blurs the other.
inline const Axis& cleaner(const Axis& a, const Axis& b) {
  const auto error = [](const Axis& v) { return std::abs(v.stride - std::round(v.stride)); };
  return error(b) + 1e-9 < error(a) ? b : a;
}

}  // namespace fibflow::model
