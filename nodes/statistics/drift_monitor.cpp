#include "nodes/statistics/drift_monitor.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

namespace fibflow::nodes {
namespace {

constexpr std::size_t most_learnt = 64;
constexpr double deviations_per_median = 1.4826;  // of a normal distribution
constexpr double infinite = std::numeric_limits<double>::infinity();

/// The upper one of the two in the middle, if there are two.
double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

DriftMonitor::DriftMonitor(MonitorRule rule) : rule_(rule) {
  if (rule_.every < 0 || rule_.slices < 1 || !(rule_.drift > 0) || !(rule_.factor > 0)) {
    throw std::invalid_argument(
        "monitoring needs a drift and a factor above 0, at least 1 slice to reopen, and not every negative "
        "slice");
  }
}

void DriftMonitor::learn(double drift) {
  if (!std::isfinite(drift)) return;  // a channel without variance: nothing to compare others with
  state_.usual.push_back(drift);
  if (state_.usual.size() > most_learnt) state_.usual.pop_front();
}

double DriftMonitor::usual() const {
  if (state_.usual.empty()) return infinite;
  return median({state_.usual.begin(), state_.usual.end()});
}

double DriftMonitor::limit() const {
  const double middle = usual();
  if (!std::isfinite(middle)) return infinite;
  std::vector<double> deviations;
  for (const double drift : state_.usual) deviations.push_back(std::abs(drift - middle));
  const double spread = deviations_per_median * median(std::move(deviations));
  return middle + std::max({rule_.drift, middle, rule_.factor * spread});
}

bool DriftMonitor::departs(double drift) {
  state_.departed = drift > limit() ? state_.departed + 1 : 0;
  return state_.departed >= rule_.slices;
}

}  // namespace fibflow::nodes
