#include "nodes/intensity/normalizer.h"

#include <stdexcept>

namespace fibflow::nodes {

Normalizer::Normalizer(Normalization normalization, IntensityRange range, IntensityMoments measured_stack,
                       Featureless featureless)
    : normalization_(normalization),
      range_(range),
      measured_stack_(measured_stack),
      featureless_(featureless) {
  if (normalization_.kind == Normalization::Kind::stack && !(measured_stack_.deviation() > 0)) {
    throw std::invalid_argument(
        "normalization 'stack': every sampled pixel has the same intensity, so there is no deviation to "
        "divide by");
  }
}

Normalizer::Output Normalizer::operator()(const Input& input) const {
  require_finite(input.slice);
  Output output{input.order, input.slice, affine_of(normalization_, range_, input.slice, measured_stack_)};
  if (featureless_ == Featureless::left_out) output.counted = FeatureFinder()(input.slice);
  return output;
}

}  // namespace fibflow::nodes
