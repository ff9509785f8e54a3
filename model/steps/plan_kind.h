#pragma once

namespace fibflow::model {

/// What is computed for a BatchNorm layer while a tile runs.
enum class PlanKind {
  frozen,    ///< nothing: the statistics are folded into the convolutions
  measured,  ///< normalized with statistics given for each run; moments of the layer's input are taken
};

}  // namespace fibflow::model
