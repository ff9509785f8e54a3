#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fibflow::model {

/// Mean and population variance (without Bessel's correction) per channel of one BatchNorm layer's input.
struct LayerStatistics {
  std::vector<float> mean;
  std::vector<float> variance;
  friend bool operator==(const LayerStatistics&, const LayerStatistics&) = default;
};

/// One BatchNormalization node.
struct BatchNorm {
  std::string name;  ///< the node's name, or its output's if it has none
  int channels = 0;
  float epsilon = 1e-5F;
  std::vector<float> gamma;  ///< [channels], the ONNX input "scale"
  std::vector<float> beta;   ///< [channels], the ONNX input "B"
  LayerStatistics source;    ///< [channels] each, as the file stores them
};

/// The statistics of a network: one entry per BatchNorm layer, in the order of Network::batch_norms().
struct Statistics {
  std::vector<LayerStatistics> layers;
  friend bool operator==(const Statistics&, const Statistics&) = default;
};

/// First and second moments of one BatchNorm layer's input over some pixels, per channel.
/// count is the number of pixels (of all images together), squares the sum of squared deviations from the
/// mean.
struct LayerMoments {
  double count = 0;
  std::vector<double> mean;
  std::vector<double> squares;

  /// Adds the pixels behind other: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for
  /// computing sample variances", 1979. The result depends (in its last bits) on the order of merging.
  void merge(const LayerMoments& other);

  /// Mean and population variance. Throws std::logic_error if no pixel was counted.
  LayerStatistics statistics() const;

  friend bool operator==(const LayerMoments&, const LayerMoments&) = default;
};

/// The moments of a batch: one entry per BatchNorm layer, in the order of Network::batch_norms().
struct Moments {
  std::vector<LayerMoments> layers;

  /// Whether pixels were counted in every layer. Moments of an image of which nothing counts are not: they have
  /// no statistics, and an estimator takes no notice of them.
  bool complete() const;

  void merge(const Moments& other);
  Statistics statistics() const;
  friend bool operator==(const Moments&, const Moments&) = default;
};

/// (1 - share) * estimate + share * source, for means and variances; share 0 is the estimate, bit for bit.
/// Throws std::invalid_argument if share is outside [0, 1] or the shapes differ.
Statistics blend(const Statistics& estimate, const Statistics& source, double share);
LayerStatistics blend(const LayerStatistics& estimate, const LayerStatistics& source, double share);

}  // namespace fibflow::model
