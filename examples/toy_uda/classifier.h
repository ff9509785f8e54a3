#pragma once

#include <vector>

#include "domain.h"
#include "model/tile/inference.h"

namespace fibflow::toy {

/// Two layers of 16 channels, each a 1 x 1 convolution, BatchNorm and ReLU, and a linear output: trained on points of
/// this domain.
model::Network train(const Domain& source, std::uint64_t seed);

/// A network that looks at points, with whatever statistics.
class Classifier {
 public:
  explicit Classifier(model::Network network);

  const model::Statistics& source() const { return source_; }

  /// The statistics of a domain, as AdaBN estimates them from `images` batches without labels: the model's `pooled`
  /// estimator, each batch normalized by itself.
  model::Statistics adapt(const Domain& target, int images, std::mt19937_64& random) const;

  /// The share of points that get the right label with these statistics.
  double accuracy(const model::Statistics& statistics, const std::vector<Points>& points) const;

  /// Logits of an image of points, [height, width].
  std::vector<float> logits(const model::Statistics& statistics, const std::vector<float>& image, int height,
                            int width) const;

 private:
  model::Moments measure(const Points& points) const;

  model::Network network_;
  model::Inference inference_;
  model::Statistics source_;
};

}  // namespace fibflow::toy
