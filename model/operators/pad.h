#pragma once

// Internal to model/: padding; a slice of the pixels is padding by less than nothing.

#include "model/steps/operation.h"

namespace fibflow::model {

class Lowering;
struct Node;

/// Output pixel i is input pixel i - before; before < 0 cuts off.
class PadOperation final : public Operation {
 public:
  enum class Mode { constant, reflect, edge };
  Mode mode = Mode::constant;
  float value = 0;
  int before_y = 0;
  int before_x = 0;

  Region needed(const Feature& input, const Region& part) const override;
  void plan(TilePlanner& planner) const override;

 private:
  /// The input pixel for output pixel o, or -1 for the constant.
  int source(int o, int before, int size) const;
  Interval needed(int before, Interval out, int size) const;
};

/// Adds the operation that a node is, with so many pixels more behind the map (or fewer); another name if it changes
/// nothing.
void lower_padding(Lowering& lowering, const Node& node, const PadOperation& pad, int after_y, int after_x);

}  // namespace fibflow::model
