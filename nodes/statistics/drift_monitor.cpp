#include "nodes/statistics/drift_monitor.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace fibflow::nodes {

DriftMonitor::DriftMonitor(MonitorRule rule) : rule_(rule) {
  if (rule_.slices < 0 || !(rule_.drift > 0) || !(rule_.factor > 0)) {
    throw std::invalid_argument(
        "to see that the acquisition has changed takes a drift and a factor above 0, and no negative number "
        "of "
        "slices");
  }
}

void DriftMonitor::learn(const std::vector<double>& distances) {
  const auto is_finite = [](double distance) { return std::isfinite(distance); };
  if (state_.usual.size() == most_learnt || !std::ranges::all_of(distances, is_finite)) return;
  state_.usual.push_back(distances);
}

/// The median; the upper one of the two in the middle, if there are two.
double DriftMonitor::usual(std::size_t layer) const {
  std::vector<double> distances;
  for (const std::vector<double>& slice : state_.usual) distances.push_back(slice.at(layer));
  const auto middle = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
  std::ranges::nth_element(distances, middle);
  return *middle;
}

double DriftMonitor::limit(double usual) const {
  return std::max(rule_.drift, rule_.factor * usual);
}

bool DriftMonitor::seems_to_depart(double distance_of_first_layer) const {
  return rule_.slices > 0 && !state_.usual.empty() && distance_of_first_layer > limit(usual(0));
}

std::optional<Departure> DriftMonitor::departs(const std::vector<double>& distances) {
  std::optional<Departure> most;
  if (rule_.slices == 0 || state_.usual.empty()) return most;
  for (std::size_t layer = 0; layer < distances.size(); ++layer) {
    const double known = usual(layer);
    const Departure here{layer, distances[layer], known, limit(known)};
    if (!(here.drift > here.limit)) continue;
    if (!most || here.drift / here.limit > most->drift / most->limit) most = here;
  }
  state_.departed = most ? state_.departed + 1 : 0;
  return most;
}

}  // namespace fibflow::nodes
