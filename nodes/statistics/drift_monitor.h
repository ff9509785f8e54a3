#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "nodes/statistics/rules.h"

namespace fibflow::nodes {

/// A slice that is farther from the estimate than is usual. Distances are per channel, of one layer (model::Drift).
struct Departure {
  std::size_t layer = 0;  ///< in which that is most so
  double drift = 0;       ///< of the slice
  double usual = 0;       ///< of slices
  double limit = 0;       ///< above which a slice departs
};

/// Tells a change of the acquisition from what is usual for slices: it keeps how far, in each layer, the slices' own moments were
/// from the estimate at its beginning. The median of those is the usual distance, and stands firm against single slices. Only
/// the first `most_learnt` add to what is usual: a change that comes gradually outdates the statistics no less than one that
/// comes at once.
class DriftMonitor {
 public:
  static constexpr std::size_t most_learnt = 16;

  /// Throws std::invalid_argument if a rule is out of its range.
  explicit DriftMonitor(MonitorRule rule);

  /// Of a slice that belongs to what is usual: its distance in each layer. What is not finite (a channel without variance) is
  /// left out.
  void learn(const std::vector<double>& distances);

  /// Of a slice that was measured: whether it departs, and where. Counts those in a row. Before anything was learnt, and if the
  /// rule asks for no slices, none does.
  std::optional<Departure> departs(const std::vector<double>& distances);

  /// Whether a slice of which only the first layer was measured seems to depart. Counts nothing.
  bool seems_to_depart(double distance_of_first_layer) const;

  /// So many have departed in a row that the estimate is to begin anew.
  bool has_changed() const { return rule_.slices > 0 && state_.departed >= rule_.slices; }

  /// The last slice departed, and the next one is to be measured out of its turn.
  bool suspects() const { return state_.departed > 0; }

  /// Nothing is usual any more.
  void forget() { state_ = {}; }

  /// Everything that departs() depends on.
  struct State {
    std::vector<std::vector<double>> usual;  ///< of the first slices: [slices][layers]
    int departed = 0;                        ///< slices in a row
    friend bool operator==(const State&, const State&) = default;
  };
  const State& state() const { return state_; }
  void restore(State state) { state_ = std::move(state); }

 private:
  double usual(std::size_t layer) const;
  double limit(double usual) const;

  MonitorRule rule_;
  State state_;
};

}  // namespace fibflow::nodes
