#pragma once

namespace fibflow::model {

/// What a network gives out.
enum class OutputKind {
  logits,   ///< numbers without bounds, or with wide ones on both sides
  sigmoid,  ///< each channel a probability of its own: between 0 and 1
  softmax,  ///< probabilities that add up to 1 over the channels
  other,    ///< neither: other bounds (0 to 255, -1 to 1), or one on one side only
};

/// What is computed for a BatchNorm layer while a tile runs.
enum class PlanKind {
  frozen,    ///< nothing: the statistics are folded into the convolutions
  measured,  ///< normalized with statistics given for each run; moments of the layer's input are taken
};

}  // namespace fibflow::model
