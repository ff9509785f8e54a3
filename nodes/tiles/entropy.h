#pragma once

namespace fibflow::nodes {

/// Sums the entropies of predictions, in bits: how undecided the network is. Of one pixel, with p_c the
/// probability of class c and l_c its logit,
///
///     H = - sum_c p_c log2 p_c = - log2 p_max + sum_c p_c (l_max - l_c) / ln 2
///
/// The right-hand side is what is summed where there are logits: it takes one multiplication for each pixel's
/// p_max, and one logarithm for the product of many, where the left-hand side takes a logarithm for each class.
/// The sum depends (in its last bits) on the order of the pixels.
class EntropySum {
 public:
  /// A pixel whose most probable class has the probability `largest`, at least 1/256, and whose classes fall
  /// behind it by `behind` = sum_c p_c (l_max - l_c) in the mean.
  void add(double largest, double behind) {
    product_ *= largest;
    nats_ += behind;
    if (++factors_ == most_factors) take_logarithm();
  }

  /// A class of a pixel, with its probability; of what is not positive nothing is added.
  void add_class(float probability);

  double bits() const;

 private:
  static constexpr int most_factors =
      64;  // of at least 2^-8: the product stays far above the smallest double

  void take_logarithm();

  double product_ = 1;
  int factors_ = 0;
  double nats_ = 0;
};

}  // namespace fibflow::nodes
