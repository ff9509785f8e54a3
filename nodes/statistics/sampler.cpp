#include "nodes/statistics/sampler.h"

#include <utility>

namespace fibflow::nodes {

Sampler::Output Sampler::operator()(const Input& slice) const {
  if (every_ == 0) return {slice.order, slice, nullptr, false, 0};
  const bool due = is_due(slice.order);
  SampleMeasurer::Measured measured = due ? (*measurer_)(slice) : measurer_->first_layer(slice);
  return {slice.order, slice, std::make_shared<const model::Moments>(std::move(measured.moments)), due,
          measured.seconds};
}

}  // namespace fibflow::nodes
