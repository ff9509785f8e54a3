#include "model/training/loss.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace fibflow::model {

void LossSums::merge(const LossSums& other) {
  pixels += other.pixels;
  cross_entropy += other.cross_entropy;
  intersection.resize(other.intersection.size());
  probability.resize(other.probability.size());
  truth.resize(other.truth.size());
  for (std::size_t k = 0; k < intersection.size(); ++k) {
    intersection[k] += other.intersection[k];
    probability[k] += other.probability[k];
    truth[k] += other.truth[k];
  }
}

Loss::Loss(const LossOptions& options, int outputs)
    : options_(options),
      outputs_(static_cast<std::size_t>(std::max(outputs, 1))),
      foregrounds_(outputs_ == 1 ? 1 : outputs_ - 1) {
  if (outputs < 1 || outputs > 256) throw std::invalid_argument("a loss over 1 to 256 logits per pixel");
  const bool weights = options.cross_entropy >= 0 && options.dice >= 0 &&
                       std::isfinite(options.cross_entropy + options.dice) &&
                       options.cross_entropy + options.dice > 0;
  if (!weights) throw std::invalid_argument("the weights of the loss must not be negative, nor both 0");
  if (!(options.smooth > 0)) throw std::invalid_argument("the smoothing of the Dice loss must be above 0");
}

LossSums Loss::measure(std::span<float> logits, std::span<const std::uint8_t> labels) const {
  const std::size_t pixels = labels.size();
  if (logits.size() != pixels * outputs_) throw std::invalid_argument("logits and labels of other sizes");
  const std::size_t classes = std::max<std::size_t>(outputs_, 2);
  const auto wrong = std::find_if(labels.begin(), labels.end(), [&](std::uint8_t l) { return l >= classes; });
  if (wrong != labels.end()) {
    throw std::invalid_argument("label " + std::to_string(*wrong) + " of " + std::to_string(classes) +
                                " classes");
  }
  LossSums sums;
  sums.pixels = static_cast<double>(pixels);
  for (auto* v : {&sums.intersection, &sums.probability, &sums.truth}) v->resize(foregrounds_);
  if (outputs_ == 1) {
    for (std::size_t i = 0; i < pixels; ++i) {
      const float z = logits[i];
      const float t = labels[i];
      const float e = std::exp(-std::abs(z));
      const float p = (z >= 0 ? 1.0F : e) / (1.0F + e);
      sums.cross_entropy += static_cast<double>(std::max(z, 0.0F) - z * t + std::log1p(e));
      sums.intersection[0] += static_cast<double>(p * t);
      sums.probability[0] += static_cast<double>(p);
      sums.truth[0] += static_cast<double>(t);
      logits[i] = p;
    }
    return sums;
  }
  for (std::size_t i = 0; i < pixels; ++i) {
    float largest = logits[i];
    for (std::size_t k = 1; k < outputs_; ++k) largest = std::max(largest, logits[k * pixels + i]);
    float total = 0;
    for (std::size_t k = 0; k < outputs_; ++k) total += std::exp(logits[k * pixels + i] - largest);
    sums.cross_entropy += static_cast<double>(std::log(total) + largest - logits[labels[i] * pixels + i]);
    for (std::size_t k = 0; k < outputs_; ++k) {
      float& z = logits[k * pixels + i];
      z = std::exp(z - largest) / total;
      if (k > 0) sums.probability[k - 1] += static_cast<double>(z);
    }
    if (labels[i] > 0) {
      sums.truth[labels[i] - 1U] += 1;
      sums.intersection[labels[i] - 1U] += static_cast<double>(logits[labels[i] * pixels + i]);
    }
  }
  return sums;
}

LossValue Loss::value(const LossSums& of) const {
  LossValue value;
  value.cross_entropy = of.cross_entropy / of.pixels;
  for (std::size_t k = 0; k < foregrounds_; ++k) {
    value.dice +=
        1 - (2 * of.intersection[k] + options_.smooth) / (of.probability[k] + of.truth[k] + options_.smooth);
  }
  value.dice /= static_cast<double>(foregrounds_);
  value.total = options_.cross_entropy * value.cross_entropy + options_.dice * value.dice;
  return value;
}

void Loss::differentiate(const LossSums& batch, std::span<float> probabilities,
                         std::span<const std::uint8_t> labels) const {
  const std::size_t pixels = labels.size();
  const double weight = options_.cross_entropy / batch.pixels;
  // dD/dp = a - b t for each foreground class.
  std::vector<double> a(foregrounds_);
  std::vector<double> b(foregrounds_);
  for (std::size_t k = 0; k < foregrounds_; ++k) {
    const double sum = batch.probability[k] + batch.truth[k] + options_.smooth;
    const double share = options_.dice / static_cast<double>(foregrounds_);
    a[k] = share * (2 * batch.intersection[k] + options_.smooth) / (sum * sum);
    b[k] = share * 2 / sum;
  }
  if (outputs_ == 1) {
    for (std::size_t i = 0; i < pixels; ++i) {
      const double p = probabilities[i];
      const double t = labels[i];
      probabilities[i] = static_cast<float>(weight * (p - t) + p * (1 - p) * (a[0] - b[0] * t));
    }
    return;
  }
  std::vector<double> by_probability(outputs_);
  for (std::size_t i = 0; i < pixels; ++i) {
    double mean = 0;  // of dD/dp, weighted by p: the softmax's Jacobian is diag(p) - p p'
    for (std::size_t k = 1; k < outputs_; ++k) {
      by_probability[k] = a[k - 1] - (labels[i] == k ? b[k - 1] : 0);
      mean += static_cast<double>(probabilities[k * pixels + i]) * by_probability[k];
    }
    for (std::size_t k = 0; k < outputs_; ++k) {
      float& p = probabilities[k * pixels + i];
      const double t = labels[i] == k ? 1 : 0;
      const double q = p;
      p = static_cast<float>(weight * (q - t) + q * (by_probability[k] - mean));
    }
  }
}

}  // namespace fibflow::model
