#pragma once

// Internal to model/.

#include "model/onnx/graph.h"

namespace fibflow::model {

/// A network that was exported for one size of image may hold that size in its numbers: where a crop ends, how large a map
/// becomes when it is resized. Such numbers become margins and factors, so that it takes images of other sizes. Each pixel
/// is then computed from the same pixels around it as in an image of the declared size, wherever that lies on the
/// network's grid: a network of valid convolutions gives what it gives in windows of that size. A graph that takes other
/// sizes as it is, or that cannot be made to, is left alone.
void accept_any_size(Graph& graph);

}  // namespace fibflow::model
