#include "nodes/scale/scaler.h"

#include <string>

#include "nodes/intensity/intensity.h"

namespace fibflow::nodes {

void Scaler::require_size(const io::Slice& slice) const {
  const GridSize stack = to_network_.from();
  if (slice.height() == stack.height && slice.width() == stack.width) return;
  throw BadSlice("the slice is " + std::to_string(slice.height()) + " x " + std::to_string(slice.width()) +
                 " pixels, the stack " + std::to_string(stack.height) + " x " + std::to_string(stack.width));
}

io::Slice Scaler::operator()(const io::Slice& slice) const {
  require_size(slice);
  if (to_network_.changes_nothing()) return slice;
  for (std::size_t i = 0; i < slice.neighbours(); ++i) require_finite(slice.neighbour(i));
  return to_network_(slice);
}

}  // namespace fibflow::nodes
