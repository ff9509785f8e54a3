#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fibflow::model {

/// What training makes small: cross_entropy * CE + dice * D over a batch.
///
/// CE: the mean over all pixels of -log of the true class's probability. D: 1 - (2 I + s) / (P + T + s), with
/// P and T the sums of probabilities and of truths over the batch and I that of their product (soft Dice,
/// Milletari et al. 2016, with sums instead of squares); the mean over all classes but the background.
struct LossOptions {
  double cross_entropy = 1;  ///< weight, >= 0
  double dice = 1;           ///< weight, >= 0; not both 0
  double smooth = 1;         ///< s, in pixels, > 0: keeps D defined where a class is absent
};

struct LossValue {
  double total = 0;
  double cross_entropy = 0;
  double dice = 0;
};

/// Sums over pixels from which the loss of all of them follows.
struct LossSums {
  double pixels = 0;
  double cross_entropy = 0;
  std::vector<double> intersection;  ///< per foreground class, as the two below
  std::vector<double> probability;
  std::vector<double> truth;

  /// Depends, in its last bits, on the order of merging.
  void merge(const LossSums& other);
};

/// For networks with one logit (its sigmoid is the probability of label 1) or with one per class (softmax).
/// Immutable; may be called in parallel.
class Loss {
 public:
  /// outputs: logits per pixel. Throws std::invalid_argument for options outside their ranges.
  Loss(const LossOptions& options, int outputs);

  /// One image's sums. Replaces logits [outputs, pixels] by probabilities. labels: [pixels], below
  /// max(outputs, 2); throws std::invalid_argument otherwise.
  LossSums measure(std::span<float> logits, std::span<const std::uint8_t> labels) const;

  /// of: the sums of the batch.
  LossValue value(const LossSums& of) const;

  /// Replaces one image's probabilities by the gradient of the batch's loss with respect to its logits.
  void differentiate(const LossSums& batch, std::span<float> probabilities,
                     std::span<const std::uint8_t> labels) const;

 private:
  LossOptions options_;
  std::size_t outputs_;
  std::size_t foregrounds_;  // classes but the background
};

}  // namespace fibflow::model
