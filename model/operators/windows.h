#pragma once

// Internal to model/: for operators that look at a window of their input.

#include <cstdint>

#include "model/engine/window.h"
#include "model/onnx/graph.h"
#include "model/steps/feature.h"

namespace fibflow::model {

/// A node's window on one axis (0: y, 1: x) of a map of this size, from its attributes. Throws NodeError.
Window read_window(const Node& node, int axis, std::int64_t kernel, int size);

/// The axis of what a window makes as it slides along another one; size: its pixels.
Axis slid(const Axis& in, const Window& w, int size);

/// The inputs, of `size`, that these outputs look at.
Interval window_input(const Window& w, Interval out, int size);

}  // namespace fibflow::model
