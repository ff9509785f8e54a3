#pragma once

// Internal to model/.

#include <optional>
#include <vector>

#include "model/engine/activation.h"
#include "model/steps/step.h"

namespace fibflow::model {

/// A factor and a summand per channel, an activation, and the moments of what a BatchNorm layer reads.
class NormalizationStep final : public Step {
 public:
  /// Where the factor and the summand come from.
  enum class Source { batch_norm, affine, identity };

  Source source = Source::identity;
  int index = 0;                           ///< of the operation
  int channels = 0;                        ///< of the map
  int batch_norm = -1;                     ///< its number, if that is the source
  const ScaleShift* affine = nullptr;      ///< [channels], if that is the source; the operation's
  const Activation* activation = nullptr;  ///< the operation's; null: none
  StoredMap from;
  StoredMap to;
  Span span;
  Region share;  ///< what is measured, relative to the view

  void key(StepKey& key) const override;
  void run(const StepContext& context) const override;

 private:
  struct Measurement;
  ScaleShift with_batch_norm(const StepContext& context, Measurement& measurement) const;
  void fill_centre(const StepContext& context, const Measurement& measurement, float* centre) const;
};

}  // namespace fibflow::model
