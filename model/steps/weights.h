#pragma once

// Internal to model/: trained values in the layouts that the primitives read.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/engine/aligned_floats.h"
#include "model/engine/convolution.h"
#include "model/statistics/statistics.h"

namespace fibflow::model {

class ConvolutionOperation;
class Operation;

/// A BatchNorm layer with these statistics, as a factor and a summand per channel, filled up with zeros to the block:
/// y = γ (x − μ) / sqrt(σ² + ε) + β  (Ioffe and Szegedy 2015)
struct ScaleShift {
  std::vector<float> scale;
  std::vector<float> shift;
};
ScaleShift scale_shift(const BatchNorm& layer, const LayerStatistics& statistics);

/// Thread-safe: a layout is arranged by whoever needs it first.
class Weights {
 public:
  using Operations = std::vector<std::unique_ptr<Operation>>;

  /// folded: statistics that are folded into the weights of frozen plans. Throws std::invalid_argument if they are
  /// another network's.
  Weights(const Operations& operations, const std::vector<BatchNorm>& batch_norms,
          const std::optional<Statistics>& folded);

  bool frozen() const { return frozen_; }

  /// Weights of operation number `index` in the layout of the convolution.
  const float* arranged(int index, const ConvolutionOperation& operation,
                        const Convolution& convolution) const;
  /// Bias of operation number `index`, filled up to the block, or null if it has none.
  const float* bias(int index) const;
  /// For a BatchNorm that no convolution swallowed; frozen weights only.
  const ScaleShift& frozen_scale_shift(int batch_norm) const {
    return scale_shifts_[static_cast<std::size_t>(batch_norm)];
  }

 private:
  void make_bias(std::size_t index, const ConvolutionOperation& operation);

  bool frozen_;
  std::vector<ScaleShift> scale_shifts_;                // of the layers, if frozen
  std::vector<std::unique_ptr<AlignedFloats>> biases_;  // by operation; constant after construction
  mutable std::mutex mutex_;
  mutable std::map<std::pair<int, std::string>, std::unique_ptr<AlignedFloats>>
      arranged_;  // guarded by mutex_
};

}  // namespace fibflow::model
