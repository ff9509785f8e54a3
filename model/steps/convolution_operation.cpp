#include "model/steps/convolution_operation.h"

#include "model/steps/normalization_step.h"
#include "model/steps/planner.h"

namespace fibflow::model {

bool ConvolutionOperation::normalizes(const TilePlanner& planner) const {
  return batch_norm_ >= 0 && planner.measured();
}

bool ConvolutionOperation::finish_shape(const TilePlanner& planner, ConvolutionShape& shape) const {
  shape.bias = !bias.empty() || (batch_norm_ >= 0 && !planner.measured());
  if (normalizes(planner) || activation_.kind == Activation::Kind::none || !fuses(activation_.kind))
    return false;
  shape.activation = activation_.kind;
  shape.alpha = activation_.a;
  return true;
}

void ConvolutionOperation::finish(TilePlanner& planner, bool activated) const {
  const bool normalized = normalizes(planner);
  if (!normalized && (activated || activation_.kind == Activation::Kind::none)) return;
  auto step = std::make_unique<NormalizationStep>();
  step->source = normalized ? NormalizationStep::Source::batch_norm : NormalizationStep::Source::identity;
  step->index = planner.index();
  step->channels = planner.feature(output).channels;
  step->batch_norm = batch_norm_;
  step->from = step->to = planner.within(output, planner.region(output));
  step->span = planner.span_of(output, planner.region(output));
  if (!activated) step->activation = &activation_;
  planner.emit_normalization(std::move(step), output);
}

}  // namespace fibflow::model
