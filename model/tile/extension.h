#pragma once

namespace fibflow::model {

/// How far a slice is extended (mirrored, then cut off again), in pixels, because the network needs certain sizes or
/// makes the image smaller.
struct Extension {
  int top = 0, bottom = 0, left = 0, right = 0;
};

}  // namespace fibflow::model
