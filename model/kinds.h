#pragma once

namespace fibflow::model {

/// What a network's last node makes: logits, or probabilities already (Sigmoid or Softmax at the end).
enum class OutputKind { logits, sigmoid, softmax };

/// What is computed for a BatchNorm layer while a tile runs.
enum class PlanKind {
  frozen,    ///< nothing: the statistics are folded into the convolutions
  measured,  ///< normalized with statistics given for each run; moments of the layer's input are taken
};

}  // namespace fibflow::model
