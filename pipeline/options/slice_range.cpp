#include "pipeline/options/slice_range.h"

#include <stdexcept>
#include <string>

namespace fibflow::pipeline {

SliceRange SliceRange::within(std::int64_t depth) const {
  const SliceRange resolved{first, end.value_or(depth)};
  if (first < 0 || *resolved.end <= first || *resolved.end > depth) {
    throw std::invalid_argument("slices " + std::to_string(first) + ":" + (end ? std::to_string(*end) : "") +
                                " are not in a stack of " + std::to_string(depth) + " slices");
  }
  return resolved;
}

}  // namespace fibflow::pipeline
