#pragma once

// Internal to model/: trained values in the layouts that the primitives read.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "model/engine/aligned_floats.h"
#include "model/engine/onednn.h"
#include "model/tile/inference.h"
#include "model/tile/shaped_network.h"

namespace fibflow::model {

/// How an operation's convolution is carried out; decided once per operation.
struct ConvolutionForm {
  bool expanded = false;        ///< groups written out as a dense convolution
  bool depth_to_space = false;  ///< a transposed convolution without overlap, as a 1 x 1 convolution
  bool transposed = false;
  int groups = 1;
  int in_channels = 0;   ///< of the primitive for blocked input
  int out_channels = 0;  ///< of the primitive
};
ConvolutionForm form_of(const ConvolutionOp& op);
ConvolutionForm form_of(const DeconvolutionOp& op);

/// scale and shift of a BatchNorm layer with these statistics, filled up with zeros to the block:
/// y = γ (x − μ) / sqrt(σ² + ε) + β  (Ioffe and Szegedy 2015)
struct Normalizer {
  std::vector<float> scale;
  std::vector<float> shift;
};
Normalizer normalizer(const BatchNorm& layer, const LayerStatistics& statistics);

/// Thread-safe: a layout is arranged by whoever needs it first.
class Weights {
 public:
  Weights(std::shared_ptr<const ShapedNetwork> net, Network network, std::optional<Statistics> folded);

  bool frozen() const { return folded_.has_value(); }
  const Statistics& folded() const { return *folded_; }

  /// Weights of operation op in the layout of the convolution.
  const float* arranged(int op, const Convolution& convolution) const;
  /// Bias of operation op, filled up to the block, or null if it has none.
  const float* bias(int op) const;
  /// For a BatchNorm that no convolution swallowed; frozen weights only.
  const Normalizer& frozen_normalizer(int batch_norm) const {
    return normalizers_[static_cast<std::size_t>(batch_norm)];
  }

 private:
  std::vector<float> plain(int op, int in_channels) const;
  void make_bias(int op);

  std::shared_ptr<const ShapedNetwork> net_;
  Network network_;
  std::optional<Statistics> folded_;
  std::vector<Normalizer> normalizers_;
  std::vector<std::unique_ptr<AlignedFloats>> biases_;  // by operation; constant after construction
  mutable std::mutex mutex_;
  mutable std::map<std::pair<int, std::string>, std::unique_ptr<AlignedFloats>>
      arranged_;  // guarded by mutex_
};

/// channels rounded up to whole blocks.
inline int padded(int channels, int block) {
  return (channels + block - 1) / block * block;
}

}  // namespace fibflow::model
