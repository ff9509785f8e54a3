#pragma once

// Internal to model/.

#include <string>

#include "model/region.h"

namespace fibflow::model {

/// One axis of a feature map: its size, and where pixel i lies in the image: offset + stride * i (pixel
/// centres).
struct Axis {
  int size = 0;
  double stride = 1;
  double offset = 0;
};

/// A feature map of a network whose sizes are known.
struct Feature {
  std::string name;
  int channels = 0;
  Axis y;
  Axis x;

  Region extent() const { return {{0, y.size}, {0, x.size}}; }
};

}  // namespace fibflow::model
