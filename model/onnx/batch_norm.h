#pragma once

#include <string>
#include <vector>

#include "model/statistics/statistics.h"

namespace fibflow::model {

/// One BatchNormalization node.
struct BatchNorm {
  std::string name;  ///< the node's name, or its output's if it has none
  int channels = 0;
  float epsilon = 1e-5F;
  std::vector<float> gamma;  ///< [channels], the ONNX input "scale"
  std::vector<float> beta;   ///< [channels], the ONNX input "B"
  LayerStatistics source;    ///< [channels] each, as the file stores them
};

}  // namespace fibflow::model
