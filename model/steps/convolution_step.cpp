#include "model/steps/convolution_step.h"

namespace fibflow::model {

void ConvolutionStep::key(StepKey& key) const {
  key.add('c', index_, from, to, shape.in_height, shape.in_width, shape.out_height, shape.out_width,
          shape.y.pad_begin, shape.y.pad_end, shape.x.pad_begin, shape.x.pad_end);
}

void ConvolutionStep::compile() {
  try {
    primitive_ = make_convolution(shape);
  } catch (const std::exception& e) {
    throw ModelError(operation_.label + ": no primitive for this shape: " + e.what());
  }
}

void ConvolutionStep::run(const StepContext& context) const {
  primitive_->execute(context.at(from), context.weights->arranged(index_, operation_, *primitive_),
                      shape.bias ? context.weights->bias(index_) : nullptr, context.at(to), context.scratch);
}

}  // namespace fibflow::model
