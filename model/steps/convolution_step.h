#pragma once

// Internal to model/.

#include <memory>

#include "model/engine/convolution.h"
#include "model/steps/convolution_operation.h"
#include "model/steps/step.h"

namespace fibflow::model {

/// One primitive; both maps are dense.
class ConvolutionStep final : public Step {
 public:
  ConvolutionStep(int index, const ConvolutionOperation& operation) : index_(index), operation_(operation) {}

  ConvolutionShape shape;
  StoredMap from;
  StoredMap to;

  void key(StepKey& key) const override;
  std::size_t scratch_bytes() const override { return convolution_scratch_bytes(shape); }
  void compile() override;
  void run(const StepContext& context) const override;

 private:
  int index_;  // of the operation
  const ConvolutionOperation& operation_;
  std::unique_ptr<const Convolution> primitive_;
};

}  // namespace fibflow::model
