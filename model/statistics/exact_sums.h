#pragma once

#include <cstdint>
#include <vector>

#include "model/statistics/statistics.h"

namespace fibflow::model {

__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

/// Sums over the pixels of one BatchNorm layer's input, per channel, in fixed point around a pivot: the mean p and the spread
/// σ of the layer's source statistics (σ² = their variance + 1e-5, so that a channel without variance has one).
struct LayerSums {
  std::int64_t count = 0;      ///< pixels
  std::vector<Int128> first;   ///< Σ (x - p) / σ, in units of 2^-48
  std::vector<Int128> second;  ///< Σ ((x - p) / σ)², in units of 2^-48
  friend bool operator==(const LayerSums&, const LayerSums&) = default;
};

/// Sums behind the moments of many images. What is rounded is what one image adds, never a sum: so the same images give the
/// same bits in whatever order and grouping they are added, and what was added can be taken away again. An image of n pixels
/// with the mean m and the sum of squared deviations Q adds
///
///     first  += rint(2⁴⁸ n d),        d = (m - p) / σ
///     second += rint(2⁴⁸ (Q / σ² + n d²))
///
/// which is wrong by at most 2^-49 for each image and channel beside the rounding of doubles. 128 bits hold 10¹⁵ pixels at a
/// distance of 23,000 σ.
struct ExactSums {
  std::vector<LayerSums> layers;  ///< none: nothing was added

  /// The sums of some pixels' moments; nothing of a layer without pixels. Throws std::invalid_argument if the layers are not the
  /// pivot's, ModelError if a value is not finite or too large.
  static ExactSums of(const Moments& moments, const Statistics& pivot);

  /// Adds, and takes away. Throw std::invalid_argument if the layers differ, std::overflow_error if 128 bits do not do.
  void merge(const ExactSums& other);
  void subtract(const ExactSums& other);

  bool empty() const { return layers.empty(); }

  /// The moments of all pixels, with the pivot that the sums were made with.
  Moments moments(const Statistics& pivot) const;

  friend bool operator==(const ExactSums&, const ExactSums&) = default;
};

}  // namespace fibflow::model
