#include "nodes/normalizer.h"

#include <stdexcept>

namespace fibflow::nodes {

Normalizer::Normalizer(Normalization normalization, IntensityMoments measured_stack)
    : normalization_(normalization), measured_stack_(measured_stack) {
  if (normalization_.kind == Normalization::Kind::stack && !(measured_stack_.deviation() > 0)) {
    throw std::invalid_argument(
        "normalization 'stack': every sampled pixel has the same intensity, so there is no deviation to "
        "divide by");
  }
}

Normalizer::Output Normalizer::operator()(const Input& input) const {
  require_finite(input.slice);
  return {input.order, input.slice, affine_of(normalization_, input.slice, measured_stack_)};
}

}  // namespace fibflow::nodes
