#include "nodes/scale/scaler.h"

#include "nodes/intensity/intensity.h"

namespace fibflow::nodes {

void Scaler::require_size(const io::Slice& slice) const {
  nodes::require_size(slice, to_network_.from().height, to_network_.from().width);
}

io::Slice Scaler::operator()(const io::Slice& slice) const {
  require_size(slice);
  if (changes_nothing()) return slice;
  for (std::size_t i = 0; i < slice.neighbours(); ++i) require_finite(slice.neighbour(i));
  return to_network_(gray_levels_(slice));
}

}  // namespace fibflow::nodes
