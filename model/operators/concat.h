#pragma once

// Internal to model/.

#include "model/steps/operation.h"

namespace fibflow::model {

/// The inputs' channels, one input after the other.
class ConcatOperation final : public Operation {
 public:
  void plan(TilePlanner& planner) const override;
  bool joins() const override { return true; }
};

}  // namespace fibflow::model
