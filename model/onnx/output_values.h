#pragma once

// Internal to model/.

#include <limits>
#include <string>

#include "model/onnx/graph.h"

namespace fibflow::model {

/// Between which bounds a graph's output lies, whatever it is given, as far as its last nodes tell: through activations, sums
/// and products, pools, resizing, padding and cuts, back to where nothing is known (convolutions, the image).
struct OutputValues {
  double lowest = -std::numeric_limits<double>::infinity();
  double highest = std::numeric_limits<double>::infinity();
  bool adds_up_to_one = false;  ///< over the channels: a softmax
  std::string made_by;          ///< label of the node that makes it; empty if it is the image
  /// A value on the way to the output that lies between 0 and 1, if the output does not; else empty.
  std::string probability_before;

  bool is_probability() const;
};

OutputValues output_values(const Graph& graph);

}  // namespace fibflow::model
