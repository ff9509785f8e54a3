#include "pipeline/live/status/latency.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace fibflow::pipeline {
namespace {

constexpr double shortest = 0.001;  // seconds
constexpr double ratio = 1.04;

}  // namespace

std::size_t Latencies::step_of(double seconds) {
  if (seconds <= shortest) return 0;
  const double step = std::ceil(std::log(seconds / shortest) / std::log(ratio));
  return static_cast<std::size_t>(std::min(step, static_cast<double>(steps - 1)));
}

void Latencies::add(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) {
    throw std::invalid_argument("a latency of " + std::to_string(seconds) + " s");
  }
  ++count_;
  sum_ += seconds;
  longest_ = std::max(longest_, seconds);
  ++buckets_[static_cast<std::size_t>(std::lower_bound(edges.begin(), edges.end(), seconds) - edges.begin())];
  ++fine_[step_of(seconds)];
}

double Latencies::quantile(double share) const {
  if (count_ == 0) return 0;
  const auto rank = static_cast<std::uint64_t>(
      std::max(1.0, std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(count_))));
  std::uint64_t below = 0;
  std::size_t step = 0;
  while (step + 1 < steps && (below += fine_[step]) < rank) ++step;
  if (step == 0) return std::min(shortest, longest_);
  // The middle of a step, on its logarithmic scale.
  return std::min(longest_, shortest * std::pow(ratio, static_cast<double>(step) - 0.5));
}

}  // namespace fibflow::pipeline
